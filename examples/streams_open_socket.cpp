// asyncio's "Register an open socket to wait for data using streams" in C++.
#include <tidegate/tidegate.hpp>

#include <iostream>
#include <string>

tidegate::Task<> wait_for_data() {
  // Create a pair of connected sockets.
  auto [read_socket, write_socket] = tidegate::Socket::pair();

  // Make streams of both; asyncio's example sends through the bare socket.
  auto opening = tidegate::open_connection(std::move(read_socket));
  auto [reader, writer] = co_await std::move(opening);
  auto opening_other = tidegate::open_connection(std::move(write_socket));
  auto [other_reader, other_writer] = co_await std::move(opening_other);

  // Simulate the reception of data from the network.
  tidegate::get_running_loop().call_soon([other_writer] { other_writer.write("abc"); });

  // Wait for data.
  const std::string data = co_await reader.read(100);

  // Got data, we are done: close the sockets.
  std::cout << "Received: " << data << std::endl;
  writer.close();
  other_writer.close();
  co_await writer.wait_closed();
  co_await other_writer.wait_closed();
}

int main() { tidegate::run(wait_for_data()); }
