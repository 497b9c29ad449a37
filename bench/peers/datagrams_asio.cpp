// Asio, standalone: the asynchronous UDP echo server of its examples.
//
// It receives and sends in turn, with one buffer.
#include "datagram_peer.h"

#include <array>
#include <csignal>
#include <cstddef>
#include <exception>
#include <iostream>
#include <system_error>

#include <asio.hpp>

namespace {

using asio::ip::udp;

class Server {
 public:
  Server(asio::io_context& io_context, const udp::endpoint& endpoint) : socket_(io_context, endpoint) {
    socket_.set_option(asio::socket_base::receive_buffer_size(DATAGRAM_RECEIVE_BUFFER_BYTES));
    receive();
  }

  [[nodiscard]] udp::endpoint endpoint() const { return socket_.local_endpoint(); }

 private:
  void receive() {
    socket_.async_receive_from(asio::buffer(data_), peer_, [this](std::error_code error, std::size_t size) {
      if (error) return receive();
      send(size);
    });
  }

  void send(std::size_t size) {
    socket_.async_send_to(asio::buffer(data_, size), peer_,
                          [this](std::error_code, std::size_t) { receive(); });
  }

  udp::socket socket_;
  udp::endpoint peer_;
  std::array<char, DATAGRAM_MEMORY_BYTES> data_;
};

void serve(const datagram_request& request) {
  asio::io_context io_context(1);  // one thread
  asio::signal_set stop_signals(io_context, SIGINT, SIGTERM);
  stop_signals.async_wait([&](std::error_code, int) { io_context.stop(); });
  const Server server(io_context, udp::endpoint(asio::ip::address_v4::loopback(), request.port));
  announce_port(server.endpoint().port());
  io_context.run();
}

}  // namespace

int main(int argc, char** argv) {
  const datagram_request request = read_datagram_request(argc, argv, nullptr, "");
  try {
    serve(request);
  } catch (const std::exception& error) {
    std::cerr << argv[0] << ": " << error.what() << '\n';
    return 1;
  }
}
