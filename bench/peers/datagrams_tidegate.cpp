// Tidegate: a datagram echo server, with its callback protocol, on the public headers alone.
//
//     --backend NAME    the kernel interface to stand on, or to fail without; instead of the default
#include <tidegate/tidegate.hpp>

#include "datagram_peer.h"
#include "tidegate_backend.hpp"

#include <csignal>
#include <exception>
#include <iostream>
#include <memory>
#include <string_view>
#include <utility>

#include <sys/socket.h>

namespace {

using tidegate::BytesView;
using tidegate::DatagramTransportRef;
using tidegate::Endpoint;

/// Drops answers while the system has no room for those that wait.
class Echo final : public tidegate::DatagramProtocol {
 public:
  void connection_made(DatagramTransportRef transport) override { transport_ = std::move(transport); }
  void datagram_received(BytesView data, const Endpoint& address) override {
    if (!paused_) transport_->sendto(data, address);
  }
  void pause_writing() override { paused_ = true; }
  void resume_writing() override { paused_ = false; }

 private:
  DatagramTransportRef transport_;
  bool paused_ = false;
};

tidegate::Task<> serve(datagram_request request, tidegate::BackendKind backend) {
  tidegate::Loop& loop = tidegate::get_running_loop();
  require_backend(loop, backend);
  tidegate::Future<> stop_asked = loop.create_future<void>();
  for (const int signal_number : {SIGINT, SIGTERM}) {
    loop.add_signal_handler(signal_number, [stop_asked]() mutable {
      if (!stop_asked.done()) stop_asked.set_result();
    });
  }

  const tidegate::DatagramOptions options{.local = {"127.0.0.1", request.port}};
  const auto make_protocol = [] { return std::make_shared<Echo>(); };
  const auto server = co_await loop.create_datagram_endpoint(make_protocol, options);
  server.transport->socket().set_option(SOL_SOCKET, SO_RCVBUF, DATAGRAM_RECEIVE_BUFFER_BYTES);
  announce_port(server.transport->sockname().port().number());

  co_await stop_asked;
  server.transport->close();
}

tidegate::LoopOptions loop_options;

bool read_own_option(const char* name, const char* value) {
  return std::string_view(name) == "--backend" && read_backend(value, loop_options);
}

}  // namespace

int main(int argc, char** argv) {
  const datagram_request request =
      read_datagram_request(argc, argv, read_own_option, " [--backend auto|epoll|io_uring]");
  try {
    tidegate::run(serve(request, loop_options.backend), loop_options);
  } catch (const std::exception& error) {
    std::cerr << argv[0] << ": " << error.what() << '\n';
    return 1;
  }
}
