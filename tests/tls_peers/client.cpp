// A little HTTPS client, for other people's servers:
//
//     tls_peers_client port=N|unix=SOCKET path=/PATH [host=127.0.0.1] [name=localhost] [times=1]
//                      [ca=FILE] [cert=FILE key=FILE] [alpn=NAME ...] [max=1.2]
//
// Gets PATH by HTTP/1.0, so many times, each time resuming the last session. Writes what came the last time
// to standard output, its head included, and facts about each connection to standard error, a line each.
#include <tidegate/tidegate.hpp>

#include "tls_peers/arguments.hpp"

#include <cstdio>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>

namespace {

using namespace tidegate;

/// Collects an answer up to its end.
class Fetch final : public Protocol {
 public:
  Fetch(Future<void> ended, std::string request) : ended_(std::move(ended)), request_(std::move(request)) {}

  void connection_made(TransportRef transport) override { transport->write(request_); }
  void data_received(BytesView data) override { answer += data.text(); }
  void connection_lost(const Error& error) override {
    reason = error;
    ended_.set_result();
  }

  std::string answer;
  Error reason;

 private:
  Future<void> ended_;
  std::string request_;
};

void tell(const TlsObject& object, const Error& reason) {
  const auto cipher = object.cipher();
  const auto certificate = object.peer_certificate();
  std::fprintf(stderr, "version %s\ncipher %s\nalpn %s\nreused %s\nserver %s\nend %s\n",
               object.version().c_str(), cipher ? cipher->name.c_str() : "none",
               object.selected_alpn_protocol().c_str(), object.session_reused() ? "yes" : "no",
               certificate ? certificate->subject.c_str() : "nobody",
               !reason ? "clean" : reason.message().c_str());
}

Task<> fetch(Loop& loop, const tls_peers::Arguments& arguments) {
  const TlsContext context = TlsContext::client(arguments.tls_options());
  const std::string host = arguments.value("host", "127.0.0.1");
  const std::string name = arguments.value("name", "localhost");
  const auto port = static_cast<std::uint16_t>(std::stoi(arguments.value("port", "0")));
  const std::string unix_path = arguments.value("unix");
  const std::string request = "GET " + arguments.value("path") + " HTTP/1.0\r\nHost: " + name + "\r\n\r\n";
  TlsSession session;
  std::string answer;
  for (int times = std::stoi(arguments.value("times", "1")); times > 0; --times) {
    Future<void> ended = loop.create_future<void>();
    const ConnectOptions options{.tls = context, .server_hostname = name, .tls_session = session};
    const SecureConnectOptions unix_options{.tls = context, .server_hostname = name, .tls_session = session};
    const auto factory = [&] { return std::make_shared<Fetch>(ended, request); };
    auto connecting = unix_path.empty() ? loop.create_connection(factory, host, port, options)
                                        : loop.create_unix_connection(factory, unix_path, unix_options);
    const auto connection = co_await std::move(connecting);
    const auto object = tls_object(*connection.transport);
    co_await ended;
    tell(*object, connection.protocol->reason);
    session = object->session();
    answer = std::move(connection.protocol->answer);
  }
  std::fwrite(answer.data(), 1, answer.size(), stdout);
}

}  // namespace

int main(int argument_count, char** values) {
  try {
    const tls_peers::Arguments arguments(argument_count, values);
    Loop loop;
    loop.run_until_complete(fetch(loop, arguments));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tls_peers_client: %s\n", error.what());
    return 1;
  }
}
