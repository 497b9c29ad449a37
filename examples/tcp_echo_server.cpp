// asyncio's "TCP Echo Server" in C++: receives a message, sends it back, closes the connection.
//
//     example_tcp_echo_server [PORT]        (8888 by default; 0 lets the system choose)
#include <tidegate/tidegate.hpp>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>

class EchoServerProtocol final : public tidegate::Protocol {
 public:
  void connection_made(tidegate::TransportRef transport) override {
    std::cout << "Connection from " << transport->peername().to_string() << std::endl;
    transport_ = std::move(transport);
  }

  void data_received(tidegate::BytesView data) override {
    std::cout << "Data received: '" << data.text() << "'" << std::endl;

    std::cout << "Send: '" << data.text() << "'" << std::endl;
    transport_->write(data);

    std::cout << "Close the client socket" << std::endl;
    transport_->close();
  }

 private:
  tidegate::TransportRef transport_;
};

tidegate::Task<> serve(tidegate::Port port) {
  tidegate::Loop& loop = tidegate::get_running_loop();

  tidegate::Server server =
      co_await loop.create_server([] { return std::make_unique<EchoServerProtocol>(); }, "127.0.0.1", port);

  std::cout << "Serving on " << server.endpoints().front().to_string() << std::endl;
  co_await server.serve_forever();
}

int main(int argc, char** argv) { tidegate::run(serve(argc > 1 ? std::atoi(argv[1]) : 8888)); }
