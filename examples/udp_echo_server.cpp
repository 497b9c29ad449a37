// asyncio's "UDP Echo Server" in C++: sends back what it receives.
//
//     example_udp_echo_server [PORT [SECONDS]]        (9999 and an hour by default; 0 lets the system choose)
#include <tidegate/tidegate.hpp>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <memory>

class EchoServerProtocol final : public tidegate::DatagramProtocol {
 public:
  void connection_made(tidegate::DatagramTransportRef transport) override {
    transport_ = std::move(transport);
  }

  void datagram_received(tidegate::BytesView data, const tidegate::Endpoint& address) override {
    std::cout << "Received '" << data.text() << "' from " << address.to_string() << std::endl;
    std::cout << "Send '" << data.text() << "' to " << address.to_string() << std::endl;
    transport_->sendto(data, address);
  }

  void connection_lost(const tidegate::Error&) override { transport_.reset(); }

 private:
  tidegate::DatagramTransportRef transport_;
};

tidegate::Task<> serve(tidegate::Port port, std::chrono::seconds time) {
  tidegate::Loop& loop = tidegate::get_running_loop();

  std::cout << "Starting UDP server" << std::endl;

  // One protocol instance serves all client requests.
  tidegate::DatagramOptions options{.local = {"127.0.0.1", port}};
  auto [transport, protocol] =
      co_await loop.create_datagram_endpoint([] { return std::make_unique<EchoServerProtocol>(); }, options);

  std::cout << "Serving on " << transport->sockname().to_string() << std::endl;
  co_await tidegate::sleep(time);
  transport->close();
}

int main(int argc, char** argv) {
  const int port = argc > 1 ? std::atoi(argv[1]) : 9999;
  const int seconds = argc > 2 ? std::atoi(argv[2]) : 3600;
  tidegate::run(serve(port, std::chrono::seconds(seconds)));
}
