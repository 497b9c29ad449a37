// Asio, standalone, with a coroutine for each connection: the coroutine echo server of its examples.
//
// The buffer is that of asio.cpp. Echo over TCP only: what is looked at is what a coroutine costs for each
// message.
#include "peer.h"

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <utility>
#include <vector>

#include <asio.hpp>

namespace {

using asio::ip::tcp;

constexpr std::size_t kBufferBytes = 64 * 1024;

asio::awaitable<void> echo(tcp::socket socket, std::size_t message_bytes) {
  std::vector<char> data(std::max(kBufferBytes, message_bytes));
  try {
    for (;;) {
      std::size_t size = message_bytes;
      if (message_bytes > 0) {
        co_await asio::async_read(socket, asio::buffer(data, message_bytes), asio::use_awaitable);
      } else {
        size = co_await socket.async_read_some(asio::buffer(data), asio::use_awaitable);
      }
      co_await asio::async_write(socket, asio::buffer(data, size), asio::use_awaitable);
    }
  } catch (const std::system_error&) {
    // The connection has ended, in one way or another.
  }
}

asio::awaitable<void> listen(tcp::acceptor& acceptor, std::size_t message_bytes) {
  for (;;) {
    tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
    socket.set_option(tcp::no_delay(true));
    asio::co_spawn(acceptor.get_executor(), echo(std::move(socket), message_bytes), asio::detached);
  }
}

void serve(const peer_options& options) {
  asio::io_context io_context(1);  // one thread
  asio::signal_set stop_signals(io_context, SIGINT, SIGTERM);
  stop_signals.async_wait([&](std::error_code, int) { io_context.stop(); });
  tcp::acceptor acceptor(io_context, {asio::ip::address_v4::loopback(), options.port});
  asio::co_spawn(io_context, listen(acceptor, options.message_bytes), asio::detached);
  announce_port(acceptor.local_endpoint().port());
  io_context.run();
}

}  // namespace

int main(int argc, char** argv) {
  const peer_options options = start_peer(argc, argv, nullptr, "");
  try {
    if (options.mode != PEER_ECHO || options.path != nullptr) throw std::invalid_argument("echo on tcp only");
    serve(options);
  } catch (const std::exception& error) {
    std::cerr << argv[0] << ": " << error.what() << '\n';
    return 1;
  }
}
