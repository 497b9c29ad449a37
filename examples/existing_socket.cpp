// asyncio's "Connecting Existing Sockets" in C++: waits until a socket receives data, with a protocol.
#include <tidegate/tidegate.hpp>

#include <iostream>
#include <memory>

#include <sys/socket.h>

class MyProtocol final : public tidegate::Protocol {
 public:
  explicit MyProtocol(tidegate::Future<bool> on_connection_lost)
      : on_connection_lost_(std::move(on_connection_lost)) {}

  void connection_made(tidegate::TransportRef transport) override { transport_ = std::move(transport); }

  void data_received(tidegate::BytesView data) override {
    std::cout << "Received: " << data.text() << std::endl;

    // We are done: close the transport; connection_lost() will be called automatically.
    transport_->close();
  }

  void connection_lost(const tidegate::Error&) override {
    // The socket has been closed.
    on_connection_lost_.set_result(true);
  }

 private:
  tidegate::TransportRef transport_;
  tidegate::Future<bool> on_connection_lost_;
};

tidegate::Task<> receive() {
  tidegate::Loop& loop = tidegate::get_running_loop();
  auto on_connection_lost = loop.create_future<bool>();

  // Create a pair of connected sockets.
  auto [read_socket, write_socket] = tidegate::Socket::pair();

  // Register the socket to wait for data.
  auto make_protocol = [&] { return std::make_unique<MyProtocol>(on_connection_lost); };
  auto [transport, protocol] = co_await loop.create_connection(make_protocol, std::move(read_socket));

  // Simulate the reception of data from the network.
  loop.call_soon([number = write_socket.descriptor().number] { ::send(number, "abc", 3, 0); });

  co_await on_connection_lost;
}

int main() { tidegate::run(receive()); }
