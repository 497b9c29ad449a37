// A little HTTPS server, for other people's clients:
//
//     tls_peers_server cert=FILE key=FILE [ca=FILE: clients have to show a certificate] [alpn=NAME ...]
//     [max=1.2]
//
//     GET /about     what it knows of the connection, a line each
//     GET /bytes/N   N bytes: 0 1 2 ... 250 0 1 ...
//     GET /cut/N     says that N bytes follow, sends half of them, and aborts the connection
//     POST /         what was posted
//
// A request of HTTP/1.0 is the last of its connection. Prints "listening on tls://HOST:PORT", and ends in
// order with SIGTERM.
#include <tidegate/tidegate.hpp>

#include "tls_peers/arguments.hpp"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace {

using namespace tidegate;

constexpr std::size_t kPieceBytes = std::size_t{64} * 1024;

struct Request {
  std::string method;
  std::string path;
  std::string body;
  bool is_last = false;
};

std::size_t number_in(std::string_view text) {
  std::size_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

/// What follows `name` in a head, whatever the case of its letters; empty where it is not there.
std::string_view behind(std::string_view head, std::string_view name) {
  const auto same = [](char one, char other) { return (one | 0x20) == (other | 0x20); };
  const auto found = std::search(head.begin(), head.end(), name.begin(), name.end(), same);
  if (found == head.end()) return {};
  return head.substr(static_cast<std::size_t>(found - head.begin()) + name.size());
}

/// The first request of `input`, taken out of it; none where it is not whole yet.
std::optional<Request> take_request(std::string& input) {
  const std::size_t head_end = input.find("\r\n\r\n");
  if (head_end == std::string::npos) return std::nullopt;
  const std::string_view head = std::string_view(input).substr(0, head_end + 2);
  const std::size_t body_bytes = number_in(behind(head, "content-length: "));
  const std::size_t body_begin = head_end + 4;
  if (input.size() < body_begin + body_bytes) return std::nullopt;
  Request request;
  const std::size_t method_end = head.find(' ');
  request.method = head.substr(0, method_end);
  const std::size_t path_end = head.find(' ', method_end + 1);
  request.path = head.substr(method_end + 1, path_end - method_end - 1);
  request.is_last = !behind(head, " HTTP/1.0").empty();
  request.body = input.substr(body_begin, body_bytes);
  input.erase(0, body_begin + body_bytes);
  return request;
}

std::string about(const Transport& transport) {
  const auto object = tls_object(transport);
  const auto cipher = object->cipher();
  const auto certificate = object->peer_certificate();
  return "version " + object->version() + "\ncipher " + (cipher ? cipher->name : "none") + "\nalpn " +
         object->selected_alpn_protocol() + "\nname " + object->server_hostname() + "\nreused " +
         (object->session_reused() ? "yes" : "no") + "\nclient " +
         (certificate ? certificate->subject : "nobody") + "\n";
}

/// One client: requests one after the other, answered under flow control.
class Exchange final : public Protocol {
 public:
  void connection_made(TransportRef transport) override { transport_ = std::move(transport); }
  void data_received(BytesView data) override {
    input_ += data.text();
    go_on();
  }
  void pause_writing() override { paused_ = true; }
  void resume_writing() override {
    paused_ = false;
    go_on();
  }
  void connection_lost(const Error& reason) override {
    if (reason) std::fprintf(stderr, "connection lost: %s\n", reason.message().c_str());
    transport_.reset();
  }

 private:
  void go_on() {
    while (!paused_ && transport_) {
      if (left_bytes_ > 0) {
        send_piece();
      } else if (cuts_) {
        return transport_->abort();
      } else if (is_last_) {
        return transport_->close();
      } else if (const auto request = take_request(input_)) {
        answer(*request);
      } else {
        return;
      }
    }
  }

  void answer(const Request& request) {
    if (request.method == "POST") {
      begin_answer("200 OK", request.body.size());
      transport_->write(request.body);
    } else if (request.path == "/about") {
      const std::string text = about(*transport_);
      begin_answer("200 OK", text.size());
      transport_->write(text);
    } else if (request.path.starts_with("/bytes/")) {
      left_bytes_ = number_in(std::string_view(request.path).substr(7));
      begin_answer("200 OK", left_bytes_);
    } else if (request.path.starts_with("/cut/")) {
      left_bytes_ = number_in(std::string_view(request.path).substr(5));
      begin_answer("200 OK", left_bytes_);
      left_bytes_ /= 2;
      cuts_ = true;
    } else {
      begin_answer("404 Not Found", 0);
    }
    next_byte_ = 0;
    is_last_ = request.is_last;
  }

  void begin_answer(const char* status, std::size_t size_bytes) {
    transport_->write(std::string("HTTP/1.1 ") + status + "\r\nContent-Type: text/plain\r\nContent-Length: " +
                      std::to_string(size_bytes) + "\r\n\r\n");
  }

  void send_piece() {
    std::string piece(std::min(left_bytes_, kPieceBytes), '\0');
    for (char& byte : piece) byte = static_cast<char>(next_byte_++ % 251);
    left_bytes_ -= piece.size();
    transport_->write(piece);
  }

  TransportRef transport_;
  std::string input_;
  std::size_t left_bytes_ = 0;
  std::size_t next_byte_ = 0;
  bool cuts_ = false;
  bool is_last_ = false;
  bool paused_ = false;
};

Task<> serve(Loop& loop, const TlsContext& context) {
  const ServerOptions options{.tls = context};
  const auto factory = [] { return std::make_shared<Exchange>(); };
  Server server = co_await loop.create_server(factory, "127.0.0.1", 0, options);
  std::printf("listening on tls://127.0.0.1:%u\n", unsigned{server.endpoints().front().port().number()});
  std::fflush(stdout);
  loop.add_signal_handler(SIGTERM, [&server] {
    server.close();
    server.abort_clients();
  });
  co_await server.wait_closed();
  loop.remove_signal_handler(SIGTERM);
}

}  // namespace

int main(int argument_count, char** values) {
  try {
    const tls_peers::Arguments arguments(argument_count, values);
    TlsOptions options = arguments.tls_options();
    if (!options.ca_file.empty()) options.verify = TlsVerify::required;
    Loop loop;
    loop.run_until_complete(serve(loop, TlsContext::server(options)));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tls_peers_server: %s\n", error.what());
    return 1;
  }
}
