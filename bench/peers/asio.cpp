// Asio, standalone: the echo server of its examples, for TCP and Unix sockets alike.
//
// A session keeps itself alive with shared_from_this, and reads and writes in turn, so that one which does
// not read its answers is not read from. The buffer of the examples is 1 KiB and that of Asio's own
// performance programs an argument; 64 KiB is what the others here read at a time.
#include "peer.h"

#include <array>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <exception>
#include <iostream>
#include <memory>
#include <utility>

#include <asio.hpp>

namespace {

using asio::ip::tcp;
using asio::local::stream_protocol;

constexpr std::size_t kBufferBytes = 64 * 1024;

// --- sessions ----------------------------------------------------------------------------------------------

template <typename Socket>
class EchoSession : public std::enable_shared_from_this<EchoSession<Socket>> {
 public:
  EchoSession(Socket socket, const peer_options& /*options*/) : socket_(std::move(socket)) {}

  void start() { read(); }

 private:
  void read() {
    auto self = this->shared_from_this();
    socket_.async_read_some(asio::buffer(data_), [this, self](std::error_code error, std::size_t size) {
      if (!error) write(size);
    });
  }

  void write(std::size_t size) {
    auto self = this->shared_from_this();
    asio::async_write(socket_, asio::buffer(data_, size), [this, self](std::error_code error, std::size_t) {
      if (!error) read();
    });
  }

  Socket socket_;
  std::array<char, kBufferBytes> data_;
};

/// Answers each message of a fixed size with a write of its own, one after the other.
template <typename Socket>
class EchoMessagesSession : public std::enable_shared_from_this<EchoMessagesSession<Socket>> {
 public:
  EchoMessagesSession(Socket socket, const peer_options& options)
      : socket_(std::move(socket)),
        message_bytes_(options.message_bytes),
        data_(new char[kBufferBytes + options.message_bytes]) {}

  void start() { read(); }

 private:
  void read() {
    // The beginning of a message that has not arrived in full goes to the front.
    std::memmove(data_.get(), data_.get() + begin_, end_ - begin_);
    end_ -= std::exchange(begin_, 0);
    auto self = this->shared_from_this();
    socket_.async_read_some(asio::buffer(data_.get() + end_, kBufferBytes),
                            [this, self](std::error_code error, std::size_t size) {
                              if (error) return;
                              end_ += size;
                              answer();
                            });
  }

  void answer() {
    if (end_ - begin_ < message_bytes_) return read();
    auto self = this->shared_from_this();
    asio::async_write(socket_, asio::buffer(data_.get() + begin_, message_bytes_),
                      [this, self](std::error_code error, std::size_t size) {
                        if (error) return;
                        begin_ += size;
                        answer();
                      });
  }

  Socket socket_;
  std::size_t message_bytes_;
  std::unique_ptr<char[]> data_;
  std::size_t begin_ = 0;  // of what has not been answered
  std::size_t end_ = 0;
};

template <typename Socket>
class DiscardSession : public std::enable_shared_from_this<DiscardSession<Socket>> {
 public:
  DiscardSession(Socket socket, const peer_options& /*options*/) : socket_(std::move(socket)) {}

  void start() {
    auto self = this->shared_from_this();
    socket_.async_read_some(asio::buffer(data_), [this, self](std::error_code error, std::size_t) {
      if (!error) start();
    });
  }

 private:
  Socket socket_;
  std::array<char, kBufferBytes> data_;
};

template <typename Socket>
class GenerateSession : public std::enable_shared_from_this<GenerateSession<Socket>> {
 public:
  GenerateSession(Socket socket, const peer_options& /*options*/) : socket_(std::move(socket)) {}

  void start() {
    auto self = this->shared_from_this();
    asio::async_write(socket_, block_, [this, self](std::error_code error, std::size_t) {
      if (!error) start();
    });
  }

 private:
  Socket socket_;
  asio::const_buffer block_{pattern_block(), PEER_BLOCK_BYTES};
};

// --- the server --------------------------------------------------------------------------------------------

void set_options(tcp::socket& socket) {
  std::error_code ignored;  // the peer has left already: the first read will tell
  socket.set_option(tcp::no_delay(true), ignored);
}

void set_options(stream_protocol::socket& /*socket*/) {}

template <typename Protocol, template <typename> typename Session>
class Server {
 public:
  Server(asio::io_context& io_context, const typename Protocol::endpoint& endpoint,
         const peer_options& options)
      : acceptor_(io_context, endpoint), options_(options) {
    accept();
  }

  [[nodiscard]] typename Protocol::endpoint endpoint() const { return acceptor_.local_endpoint(); }

 private:
  void accept() {
    acceptor_.async_accept([this](std::error_code error, typename Protocol::socket socket) {
      if (!error) {
        set_options(socket);
        std::make_shared<Session<typename Protocol::socket>>(std::move(socket), options_)->start();
      }
      accept();
    });
  }

  typename Protocol::acceptor acceptor_;
  const peer_options& options_;
};

template <template <typename> typename Session>
void serve(const peer_options& options) {
  asio::io_context io_context(1);  // one thread
  asio::signal_set stop_signals(io_context, SIGINT, SIGTERM);
  stop_signals.async_wait([&](std::error_code, int) { io_context.stop(); });

  if (options.path != nullptr) {
    const Server<stream_protocol, Session> server(io_context, stream_protocol::endpoint(options.path),
                                                  options);
    announce_path(options.path);
    io_context.run();
  } else {
    const tcp::endpoint endpoint(asio::ip::address_v4::loopback(), options.port);
    const Server<tcp, Session> server(io_context, endpoint, options);
    announce_port(server.endpoint().port());
    io_context.run();
  }
}

}  // namespace

int main(int argc, char** argv) {
  const peer_options options = start_peer(argc, argv, nullptr, "");
  try {
    if (options.mode == PEER_DISCARD) {
      serve<DiscardSession>(options);
    } else if (options.mode == PEER_GENERATE) {
      serve<GenerateSession>(options);
    } else if (options.message_bytes > 0) {
      serve<EchoMessagesSession>(options);
    } else {
      serve<EchoSession>(options);
    }
  } catch (const std::exception& error) {
    std::cerr << argv[0] << ": " << error.what() << '\n';
    return 1;
  }
  end_peer(&options);
}
