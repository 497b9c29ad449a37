// asyncio's "TCP echo client using streams" in C++: sends a message and waits for the answer.
//
//     example_streams_echo_client [PORT]        (8888 by default)
#include <tidegate/tidegate.hpp>

#include <cstdlib>
#include <iostream>
#include <string>

tidegate::Task<> tcp_echo_client(std::string message, tidegate::Port port) {
  auto [reader, writer] = co_await tidegate::open_connection("127.0.0.1", port);

  std::cout << "Send: '" << message << "'" << std::endl;
  writer.write(message);
  co_await writer.drain();

  const std::string data = co_await reader.read(100);
  std::cout << "Received: '" << data << "'" << std::endl;

  std::cout << "Close the connection" << std::endl;
  writer.close();
  co_await writer.wait_closed();
}

int main(int argc, char** argv) {
  tidegate::run(tcp_echo_client("Hello World!", argc > 1 ? std::atoi(argv[1]) : 8888));
}
