// One listening socket: see acceptor.hpp.
#include "transport/acceptor.hpp"

#include "net/descriptor_calls.hpp"
#include "net/socket_options.hpp"

#include <cerrno>
#include <exception>
#include <memory>
#include <string>
#include <utility>

#include <sys/socket.h>

namespace tidegate::transport {

namespace {

/// The process or the machine has run out of something, and the connection is still in the queue: worth
/// another try later.
bool is_shortage(int error) noexcept {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

Acceptor* Acceptor::make(loop::LoopCore& core, Socket socket, int backlog, ConnectionSink& sink) {
  net::set_nonblocking(socket.descriptor());
  net::set_close_on_exec(socket.descriptor());
  net::set_no_delay(socket.descriptor());  // Linux hands it down to what is accepted: one call per listener,
                                           // not per connection
  struct Deleter {
    void operator()(Acceptor* acceptor) const { delete acceptor; }
  };
  std::unique_ptr<Acceptor, Deleter> acceptor(new Acceptor(core, backlog, sink));
  acceptor->channel_ = core.backend().attach(socket.release());
  return acceptor.release();
}

void Acceptor::start() {
  if (started_) return;
  const FileDescriptor descriptor = core_.backend().descriptor(channel_);
  if (net::call::listen(descriptor, backlog_) != 0) {
    const std::error_code code(errno, std::system_category());
    throw OsError(code, "listen at " + SocketView(descriptor).local_endpoint().to_string());
  }
  started_ = true;
  core_.backend().start(*this, channel_);
}

void Acceptor::close() noexcept {
  sink_ = nullptr;
  retry_.cancel();
  if (in_flight()) {
    core_.backend().cancel(*this, channel_);
  } else {
    finish();
  }
}

void Acceptor::accepted(OwnedFileDescriptor descriptor, const net::SocketAddress& peer) {
  short_of_resources_ = false;
  core_.run_reporting([&] { sink_->connection_accepted(std::move(descriptor), net::from_sockaddr(peer)); },
                      "Error on transport creation for incoming connection");
}

void Acceptor::completed(int result) {
  if (sink_ == nullptr) {
    finish();
    return;
  }
  if (!std::exchange(short_of_resources_, true) || !is_shortage(-result)) {
    core_.report(
        is_shortage(-result) ? "socket.accept() out of system resource" : "Accept failed on a socket",
        failure_of(std::error_code(-result, std::system_category())));
  }
  accept_later();
}

/// With the address, if that can be had: what failed matters more than where.
std::exception_ptr Acceptor::failure_of(std::error_code code) const noexcept {
  std::string what = "accept";
  try {
    what += " at " + socket().local_endpoint().to_string();
  } catch (const std::exception&) {
  }
  try {
    throw OsError(code, what);
  } catch (...) {
    return std::current_exception();
  }
}

/// The connections wait in the kernel's queue meanwhile; none is lost, and nothing spins.
void Acceptor::accept_later() noexcept {
  try {
    retry_ = core_.loop().call_later(kRetryDelay, [this] { core_.backend().start(*this, channel_); });
  } catch (const std::exception&) {
    core_.backend().start(*this, channel_);  // without memory for a timer there is no later
  }
}

void Acceptor::finish() noexcept {
  core_.backend().close(channel_);
  delete this;
}

}  // namespace tidegate::transport
