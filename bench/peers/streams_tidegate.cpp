// Tidegate: an echo server with streams, a coroutine per connection, on the public headers alone. Everything
// else is as in tidegate.cpp.
//
//     --backend NAME         the kernel interface to stand on, or to fail without; instead of the default
//     --spin MICROSECONDS    look for events so long before sleeping
#include <tidegate/tidegate.hpp>

#include "peer.h"
#include "tidegate_backend.hpp"

#include <chrono>
#include <csignal>
#include <cstddef>
#include <exception>
#include <iostream>
#include <string_view>

namespace {

using tidegate::BytesView;
using tidegate::Chunk;
using tidegate::StreamReader;
using tidegate::StreamWriter;
using tidegate::Task;

// --- the clients -------------------------------------------------------------------------------------------

Task<> echo(StreamReader reader, StreamWriter writer) {
  while (true) {
    const BytesView data = co_await reader.read_view();
    if (data.empty()) break;
    writer.write(data);
    co_await writer.drain();
  }
}

/// Answers each message of a fixed size with a write of its own.
Task<> echo_messages(StreamReader reader, StreamWriter writer, std::size_t message_bytes) {
  try {
    while (true) {
      const BytesView message = co_await reader.readexactly_view(message_bytes);
      writer.write(message);
      co_await writer.drain();
    }
  } catch (const tidegate::IncompleteReadError&) {
    // the end; a message that is not whole gets no answer
  }
}

Task<> discard(StreamReader reader, StreamWriter) {
  while (true) {
    const BytesView data = co_await reader.read_view();
    if (data.empty()) break;
  }
}

/// Writes until the transport says that it has enough, and again when it asks for more.
Task<> generate(StreamReader, StreamWriter writer) {
  const BytesView block(pattern_block(), PEER_BLOCK_BYTES);
  while (!writer.is_closing()) {
    writer.write(Chunk::immortal(block));
    co_await writer.drain();
  }
}

/// A client that has gone is no news for the exception handler.
Task<> serve_client(const peer_options& options, StreamReader reader, StreamWriter writer) {
  try {
    if (options.mode == PEER_DISCARD) {
      co_await discard(reader, writer);
    } else if (options.mode == PEER_GENERATE) {
      co_await generate(reader, writer);
    } else if (options.message_bytes == 0) {
      co_await echo(reader, writer);
    } else {
      co_await echo_messages(reader, writer, options.message_bytes);
    }
  } catch (const std::system_error&) {
  }
}

// --- the server --------------------------------------------------------------------------------------------

Task<tidegate::Server> listen(const peer_options& options) {
  const auto serve = [&options](StreamReader reader, StreamWriter writer) {
    return serve_client(options, reader, writer);
  };
  if (options.path != nullptr) {
    co_return co_await tidegate::start_unix_server(serve, options.path, {.backlog = PEER_BACKLOG});
  }
  co_return co_await tidegate::start_server(serve, "127.0.0.1", options.port, {.backlog = PEER_BACKLOG});
}

Task<> serve(const peer_options& options, tidegate::BackendKind backend) {
  tidegate::Loop& loop = tidegate::get_running_loop();
  require_backend(loop, backend);
  tidegate::Future<> stop_asked = loop.create_future<void>();
  for (const int signal_number : {SIGINT, SIGTERM}) {
    loop.add_signal_handler(signal_number, [stop_asked]() mutable {
      if (!stop_asked.done()) stop_asked.set_result();
    });
  }

  tidegate::Server server = co_await listen(options);
  if (options.path != nullptr) {
    announce_path(options.path);
  } else {
    announce_port(server.endpoints().front().port().number());
  }

  co_await stop_asked;
  server.close();
  server.abort_clients();
  co_await server.wait_closed();
}

// --- its own options ---------------------------------------------------------------------------------------

tidegate::LoopOptions loop_options;

constexpr unsigned long long kLongestSpinMicroseconds = 1'000'000;

bool read_spin(const char* text) {
  unsigned long long microseconds = 0;
  if (!read_number(text, &microseconds) || microseconds > kLongestSpinMicroseconds) return false;
  loop_options.spin = std::chrono::microseconds(microseconds);
  return true;
}

bool read_own_option(const char* name, const char* value) {
  if (std::string_view(name) == "--backend") return read_backend(value, loop_options);
  if (std::string_view(name) == "--spin") return read_spin(value);
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  const peer_options options =
      start_peer(argc, argv, read_own_option, " [--backend auto|epoll|io_uring] [--spin MICROSECONDS]");
  try {
    tidegate::run(serve(options, loop_options.backend), loop_options);
  } catch (const std::exception& error) {
    std::cerr << argv[0] << ": " << error.what() << '\n';
    return 1;
  }
}
