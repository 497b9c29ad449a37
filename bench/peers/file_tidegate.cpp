// Tidegate: Loop::sendfile, a file over and over to each connection.
//
//     --file PATH        the file
//     --backend NAME     the kernel interface to stand on, or to fail without; instead of the default
#include <tidegate/tidegate.hpp>

#include "peer.h"
#include "tidegate_backend.hpp"

#include <cerrno>
#include <csignal>
#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>

namespace {

std::string path;
tidegate::LoopOptions loop_options;

tidegate::OwnedFileDescriptor open_file() {
  tidegate::OwnedFileDescriptor file(tidegate::FileDescriptor{::open(path.c_str(), O_RDONLY | O_CLOEXEC)});
  if (!file.valid()) throw std::system_error(errno, std::system_category(), path);
  return file;
}

tidegate::Task<> send_over_and_over(tidegate::TransportRef transport) {
  const tidegate::OwnedFileDescriptor file = open_file();
  tidegate::Loop& loop = tidegate::get_running_loop();
  try {
    while (!transport->is_closing()) {
      auto sending = loop.sendfile(transport, file.get());
      co_await std::move(sending);
    }
  } catch (const std::system_error&) {
    // The receiver has had enough, and its protocol is told of it.
  }
}

class SendFile final : public tidegate::Protocol {
 public:
  void connection_made(tidegate::TransportRef transport) override {
    sending_ = tidegate::get_running_loop().create_task(send_over_and_over(std::move(transport)));
  }

 private:
  tidegate::TaskHandle<> sending_;
};

tidegate::Task<tidegate::Server> listen(const peer_options& options) {
  tidegate::Loop& loop = tidegate::get_running_loop();
  const auto make_protocol = [] { return std::make_shared<SendFile>(); };
  if (options.path != nullptr) {
    co_return co_await loop.create_unix_server(make_protocol, options.path, {.backlog = PEER_BACKLOG});
  }
  co_return co_await loop.create_server(make_protocol, "127.0.0.1", options.port, {.backlog = PEER_BACKLOG});
}

tidegate::Task<> serve(const peer_options& options) {
  tidegate::Loop& loop = tidegate::get_running_loop();
  require_backend(loop, loop_options.backend);
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

bool read_own_option(const char* name, const char* value) {
  if (std::string_view(name) == "--backend") return read_backend(value, loop_options);
  if (std::string_view(name) != "--file") return false;
  path = value;
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  const peer_options options =
      start_peer(argc, argv, read_own_option, " --file PATH [--backend auto|epoll|io_uring]");
  try {
    open_file().reset();  // fails before it listens, rather than with the first connection
    tidegate::run(serve(options), loop_options);
  } catch (const std::exception& error) {
    std::cerr << argv[0] << ": " << error.what() << '\n';
    return 1;
  }
}
