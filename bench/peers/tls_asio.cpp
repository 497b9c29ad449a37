// Asio, standalone: the TLS echo server of its examples, on asio::ssl::stream.
//
// Sessions as in asio.cpp, each after its handshake, and with an end in order where the peer has ended in
// order.
#include "peer.h"
#include "tls_peer.h"

#include <array>
#include <csignal>
#include <cstddef>
#include <exception>
#include <iostream>
#include <memory>
#include <utility>

#include <asio.hpp>
#include <asio/ssl.hpp>

namespace {

using asio::ip::tcp;
using Stream = asio::ssl::stream<tcp::socket>;

constexpr std::size_t kBufferBytes = 64 * 1024;

// --- sessions ----------------------------------------------------------------------------------------------

class Session : public std::enable_shared_from_this<Session> {
 public:
  explicit Session(Stream stream) : stream_(std::move(stream)) {}
  virtual ~Session() = default;

  void start() {
    stream_.async_handshake(Stream::server, [this, self = shared_from_this()](std::error_code error) {
      if (!error) serve();
    });
  }

 protected:
  virtual void serve() = 0;

  Stream& stream() noexcept { return stream_; }

  /// After a failed operation: answers the peer's close_notify, if that is what it was.
  void end(std::error_code error) {
    if (error != asio::error::eof) return;
    stream_.async_shutdown([self = shared_from_this()](std::error_code) {});
  }

 private:
  Stream stream_;
};

class EchoSession final : public Session {
 public:
  using Session::Session;

 private:
  void serve() override {
    stream().async_read_some(asio::buffer(data_),
                             [this, self = shared_from_this()](std::error_code error, std::size_t size) {
                               error ? end(error) : write(size);
                             });
  }

  void write(std::size_t size) {
    asio::async_write(stream(), asio::buffer(data_, size),
                      [this, self = shared_from_this()](std::error_code error, std::size_t) {
                        error ? end(error) : serve();
                      });
  }

  std::array<char, kBufferBytes> data_;
};

class DiscardSession final : public Session {
 public:
  using Session::Session;

 private:
  void serve() override {
    stream().async_read_some(asio::buffer(data_),
                             [this, self = shared_from_this()](std::error_code error, std::size_t) {
                               error ? end(error) : serve();
                             });
  }

  std::array<char, kBufferBytes> data_;
};

class GenerateSession final : public Session {
 public:
  using Session::Session;

 private:
  void serve() override {
    asio::async_write(stream(), asio::buffer(pattern_from(position_), TLS_MESSAGE_BYTES),
                      [this, self = shared_from_this()](std::error_code error, std::size_t size) {
                        if (error) return end(error);
                        position_ += size;
                        serve();
                      });
  }

  std::size_t position_ = 0;
};

// --- the server --------------------------------------------------------------------------------------------

std::shared_ptr<Session> make_session(peer_mode mode, Stream stream) {
  if (mode == PEER_DISCARD) return std::make_shared<DiscardSession>(std::move(stream));
  if (mode == PEER_GENERATE) return std::make_shared<GenerateSession>(std::move(stream));
  return std::make_shared<EchoSession>(std::move(stream));
}

class Server {
 public:
  Server(asio::io_context& io_context, asio::ssl::context& ssl_context, const peer_options& options)
      : acceptor_(io_context, tcp::endpoint(asio::ip::address_v4::loopback(), options.port)),
        ssl_context_(ssl_context),
        options_(options) {
    accept();
  }

  [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

 private:
  void accept() {
    acceptor_.async_accept([this](std::error_code error, tcp::socket socket) {
      if (!error) {
        std::error_code ignored;  // the peer has left already: the handshake will tell
        socket.set_option(tcp::no_delay(true), ignored);
        make_session(options_.mode, Stream(std::move(socket), ssl_context_))->start();
      }
      accept();
    });
  }

  tcp::acceptor acceptor_;
  asio::ssl::context& ssl_context_;
  const peer_options& options_;
};

void serve(const peer_options& options, SSL_CTX* context) {
  asio::ssl::context ssl_context(context);  // it is Asio's from here on
  asio::io_context io_context(1);           // one thread
  asio::signal_set stop_signals(io_context, SIGINT, SIGTERM);
  stop_signals.async_wait([&](std::error_code, int) { io_context.stop(); });
  const Server server(io_context, ssl_context, options);
  announce_port(server.port());
  io_context.run();
}

}  // namespace

int main(int argc, char** argv) {
  SSL_CTX* context = nullptr;
  const peer_options options = start_tls_peer(argc, argv, &context);
  try {
    serve(options, context);
  } catch (const std::exception& error) {
    std::cerr << argv[0] << ": " << error.what() << '\n';
    return 1;
  }
}
