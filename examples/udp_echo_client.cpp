// asyncio's "UDP Echo Client" in C++: sends a message and closes when the answer has come.
//
//     example_udp_echo_client [PORT]        (9999 by default)
#include <tidegate/tidegate.hpp>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>

class EchoClientProtocol final : public tidegate::DatagramProtocol {
 public:
  EchoClientProtocol(std::string message, tidegate::Future<bool> on_connection_lost)
      : message_(std::move(message)), on_connection_lost_(std::move(on_connection_lost)) {}

  void connection_made(tidegate::DatagramTransportRef transport) override {
    transport_ = std::move(transport);
    std::cout << "Send: " << message_ << std::endl;
    transport_->sendto(message_);
  }

  void datagram_received(tidegate::BytesView data, const tidegate::Endpoint&) override {
    std::cout << "Received: " << data.text() << std::endl;

    std::cout << "Close the socket" << std::endl;
    transport_->close();
  }

  void error_received(const tidegate::Error& error) override {
    std::cout << "Error received: " << error.message() << std::endl;
    transport_->close();
  }

  void connection_lost(const tidegate::Error&) override {
    std::cout << "Connection closed" << std::endl;
    transport_.reset();
    on_connection_lost_.set_result(true);
  }

 private:
  std::string message_;
  tidegate::Future<bool> on_connection_lost_;
  tidegate::DatagramTransportRef transport_;
};

tidegate::Task<> talk(tidegate::Port port) {
  tidegate::Loop& loop = tidegate::get_running_loop();

  auto on_connection_lost = loop.create_future<bool>();
  auto make_protocol = [&] {
    return std::make_unique<EchoClientProtocol>("Hello World!", on_connection_lost);
  };

  tidegate::DatagramOptions options{.remote = {"127.0.0.1", port}};
  auto [transport, protocol] = co_await loop.create_datagram_endpoint(make_protocol, options);

  co_await on_connection_lost;
}

int main(int argc, char** argv) { tidegate::run(talk(argc > 1 ? std::atoi(argv[1]) : 9999)); }
