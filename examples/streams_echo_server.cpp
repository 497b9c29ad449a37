// asyncio's "TCP echo server using streams" in C++: receives a message, sends it back, closes the connection.
//
//     example_streams_echo_server [PORT]        (8888 by default; 0 lets the system choose)
#include <tidegate/tidegate.hpp>

#include <cstdlib>
#include <iostream>
#include <string>

tidegate::Task<> handle_echo(tidegate::StreamReader reader, tidegate::StreamWriter writer) {
  const std::string message = co_await reader.read(100);
  const std::string peer = writer.transport()->peername().to_string();
  std::cout << "Received '" << message << "' from " << peer << std::endl;

  std::cout << "Send: '" << message << "'" << std::endl;
  writer.write(message);
  co_await writer.drain();

  std::cout << "Close the connection" << std::endl;
  writer.close();
  co_await writer.wait_closed();
}

tidegate::Task<> serve(tidegate::Port port) {
  tidegate::Server server = co_await tidegate::start_server(handle_echo, "127.0.0.1", port);

  std::cout << "Serving on " << server.endpoints().front().to_string() << std::endl;
  co_await server.serve_forever();
}

int main(int argc, char** argv) { tidegate::run(serve(argc > 1 ? std::atoi(argv[1]) : 8888)); }
