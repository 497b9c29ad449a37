// asyncio's "TCP Echo Client" in C++: sends a message and waits until the connection is closed.
//
//     example_tcp_echo_client [PORT]        (8888 by default)
#include <tidegate/tidegate.hpp>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>

class EchoClientProtocol final : public tidegate::Protocol {
 public:
  EchoClientProtocol(std::string message, tidegate::Future<bool> on_connection_lost)
      : message_(std::move(message)), on_connection_lost_(std::move(on_connection_lost)) {}

  void connection_made(tidegate::TransportRef transport) override {
    transport->write(message_);
    std::cout << "Data sent: '" << message_ << "'" << std::endl;
  }

  void data_received(tidegate::BytesView data) override {
    std::cout << "Data received: '" << data.text() << "'" << std::endl;
  }

  void connection_lost(const tidegate::Error&) override {
    std::cout << "The server closed the connection" << std::endl;
    on_connection_lost_.set_result(true);
  }

 private:
  std::string message_;
  tidegate::Future<bool> on_connection_lost_;
};

tidegate::Task<> talk(tidegate::Port port) {
  tidegate::Loop& loop = tidegate::get_running_loop();

  auto on_connection_lost = loop.create_future<bool>();
  auto make_protocol = [&] {
    return std::make_unique<EchoClientProtocol>("Hello World!", on_connection_lost);
  };

  auto [transport, protocol] = co_await loop.create_connection(make_protocol, "127.0.0.1", port);

  // Wait until the protocol signals that the connection is lost; the transport is closed then.
  co_await on_connection_lost;
}

int main(int argc, char** argv) { tidegate::run(talk(argc > 1 ? std::atoi(argv[1]) : 8888)); }
