// The states of a stream socket, and what each call means in which: see stream_socket.hpp.
#include "kernel/sim/stream_socket.hpp"

#include "kernel/sim/environment.hpp"

#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>

#include <poll.h>

namespace tidegate::kernel::sim {

StreamSocket::StreamSocket(Environment& environment, int domain) noexcept
    : environment_(environment),
      options_(domain, SOCK_STREAM, environment.conditions),
      name_(environment.new_name()),
      binding_(this, SOCK_STREAM, options_) {}

StreamSocket::StreamSocket(Environment& environment, std::shared_ptr<Connection> connection,
                           Side side) noexcept
    : environment_(environment),
      options_(connection->options(side)),
      name_(connection->name(side)),
      state_(State::connected),
      side_(side),
      binding_(this, SOCK_STREAM, options_),
      connection_(std::move(connection)) {}

std::ptrdiff_t StreamSocket::receive(msghdr& message, int flags) noexcept {
  switch (state_) {
    case State::connected:
      return connection_->receive(side_, message, flags);
    case State::connecting:
      return -EAGAIN;
    case State::failed:
      return -std::exchange(error_, 0);  // once; then it is as an end
    case State::fresh:
    case State::listening:
      break;
  }
  return options_.is_unix() ? -EINVAL : -ENOTCONN;
}

std::ptrdiff_t StreamSocket::send(const msghdr& message) noexcept {
  switch (state_) {
    case State::connected:
      return connection_->send(side_, message);
    case State::connecting:
      return -EAGAIN;
    case State::failed:
      return error_ != 0 ? -std::exchange(error_, 0) : -EPIPE;
    case State::fresh:
    case State::listening:
      break;
  }
  return options_.is_unix() ? -ENOTCONN : -EPIPE;
}

short StreamSocket::poll() const noexcept {
  switch (state_) {
    case State::connected:
      return connection_->poll(side_);
    case State::connecting:
      return 0;
    case State::listening:
      return static_cast<short>(queue_->empty() ? 0 : POLLIN);
    case State::failed:
      return static_cast<short>(POLLIN | POLLOUT | POLLHUP | POLLRDHUP | (error_ != 0 ? POLLERR : 0));
    case State::fresh:
      break;
  }
  return POLLOUT | POLLHUP;
}

void StreamSocket::close() noexcept {
  handshake_.reset();
  binding_.release();
  queue_.reset();
  if (state_ == State::connected) connection_->close(side_);
  connection_.reset();
  state_ = State::fresh;
}

int StreamSocket::bind(const sockaddr* address, socklen_t length) noexcept {
  SocketName name;
  if (const int error = parse(options_.domain(), address, length, name); error != 0) return error;
  if (binding_.is_bound() || state_ != State::fresh) return -EINVAL;
  const int error = environment_.addresses.bind(binding_, name);
  environment_.note("is bound", name_, error != 0 ? error : binding_.name().internet.port);
  return error;
}

int StreamSocket::bind_where_free(const SocketName& name) noexcept {
  SocketName free = name;
  free.internet.port = 0;
  return environment_.addresses.bind(binding_, free);
}

int StreamSocket::listen(int backlog) noexcept {
  if (state_ == State::listening) {
    queue_->set_backlog(backlog);
    return 0;
  }
  if (state_ != State::fresh) return -EINVAL;
  if (!binding_.is_bound()) {
    if (options_.is_unix()) return -EINVAL;
    SocketName any;
    if (options_.domain() == AF_INET) any.internet.octets = kAnyIpv4;
    if (const int error = bind_where_free(any); error != 0) return error;
  }
  if (!options_.is_unix() && environment_.addresses.is_listened_beside(binding_)) return -EADDRINUSE;
  try {
    queue_ = std::make_shared<AcceptQueue>(options_, backlog);
  } catch (const std::bad_alloc&) {
    return -ENOBUFS;
  }
  binding_.set_listens(true);
  state_ = State::listening;
  environment_.note("listens", name_, backlog);
  return 0;
}

int StreamSocket::connect(const sockaddr* address, socklen_t length) noexcept {
  switch (state_) {
    case State::connecting:
      return -EALREADY;
    case State::connected:
      return std::exchange(connect_is_unheard_, false) ? 0 : -EISCONN;
    case State::listening:
      return options_.is_unix() ? -EINVAL : -EISCONN;
    case State::failed:
      state_ = State::fresh;
      return error_ != 0 ? -std::exchange(error_, 0) : -ECONNABORTED;
    case State::fresh:
      break;
  }
  SocketName to;
  if (const int error = parse(options_.domain(), address, length, to); error != 0) return error;
  return options_.is_unix() ? connect_unix(to) : connect_tcp(to);
}

int StreamSocket::connect_tcp(SocketName to) noexcept {
  if (options_.domain() == AF_INET6 && options_.is_ipv6_only() && is_ipv4(to.internet.octets))
    return -ENETUNREACH;
  name_this_machine(to.internet);
  // Every address is at home here, so it is sent from where it is sent to, as by Linux to one of its own.
  if (!binding_.is_bound()) {
    if (const int error = bind_where_free(to); error != 0)
      return error == -EADDRINUSE ? -EADDRNOTAVAIL : error;
  }
  SocketName from = binding_.name();
  if (is_any(from.internet.octets)) {
    from.internet.octets = to.internet.octets;
    from.internet.scope = to.internet.scope;
  }
  try {
    connection_ = std::make_shared<Connection>(environment_, options_, name_);
    connection_->address(Side::connecting) = from;
    connection_->address(Side::accepted) = to;
    HandshakeOwner& owner = *this;  // nobody else may know that it is one
    handshake_.emplace(environment_, owner, connection_);
  } catch (const std::bad_alloc&) {
    connection_.reset();
    return -ENOBUFS;
  }
  side_ = Side::connecting;
  state_ = State::connecting;
  environment_.note("connects to port", name_, to.internet.port);
  return -EINPROGRESS;
}

int StreamSocket::connect_unix(const SocketName& to) noexcept {
  const Binding* listener = environment_.addresses.find_unix(to.local, SOCK_STREAM);
  if (listener == nullptr) return to.local.is_abstract() ? -ECONNREFUSED : -ENOENT;
  if (!listener->is_of_type(SOCK_STREAM)) return -EPROTOTYPE;
  if (!listener->listens()) return -ECONNREFUSED;
  const std::shared_ptr<AcceptQueue>& queue = listener->owner<StreamSocket>().accept_queue();
  if (queue->is_full()) return -EAGAIN;
  if (!queue->keep_place()) return -ENOMEM;
  try {
    connection_ = std::make_shared<Connection>(environment_, options_, name_);
  } catch (const std::bad_alloc&) {
    queue->give_back_place();
    return -ENOMEM;
  }
  if (binding_.is_bound()) connection_->address(Side::connecting) = binding_.name();
  connection_->address(Side::accepted) = listener->name();
  connection_->establish(queue->options());
  queue->push(connection_);
  side_ = Side::connecting;
  state_ = State::connected;
  return 0;
}

void StreamSocket::handshake_done() noexcept {
  state_ = State::connected;
  connect_is_unheard_ = true;
  handshake_.reset();
}

void StreamSocket::handshake_failed(int error) noexcept {
  state_ = State::failed;
  error_ = error;
  options_ = connection_->options(Side::connecting);
  connection_.reset();
  handshake_.reset();
}

int StreamSocket::accept(std::shared_ptr<File>& accepted, sockaddr* address, socklen_t* length) noexcept {
  if (state_ != State::listening) return -EINVAL;
  if (queue_->empty()) return -EAGAIN;
  if (environment_.chance.happens(environment_.conditions.accept_shortage)) {
    environment_.note("is short of descriptors", name_);
    return -EMFILE;
  }
  const std::shared_ptr<Connection>& connection = queue_->front();
  try {
    accepted = std::make_shared<StreamSocket>(environment_, connection, Side::accepted);
  } catch (const std::bad_alloc&) {
    return -ENOMEM;
  }
  tell(options_.domain(), connection->address(Side::connecting), address, length);
  environment_.note("accepts", name_, accepted->name());
  queue_->pop_front();
  return 0;
}

int StreamSocket::getsockname(sockaddr* address, socklen_t* length) const noexcept {
  const bool has_connection = connection_ != nullptr;
  tell(options_.domain(), has_connection ? connection_->address(side_) : binding_.name(), address, length);
  return 0;
}

int StreamSocket::getpeername(sockaddr* address, socklen_t* length) const noexcept {
  if (state_ != State::connected || (!options_.is_unix() && connection_->is_over(side_))) return -ENOTCONN;
  tell(options_.domain(), connection_->address(other(side_)), address, length);
  return 0;
}

SocketOptions& StreamSocket::options() noexcept {
  return connection_ == nullptr ? options_ : connection_->options(side_);
}

int StreamSocket::getsockopt(int level, int name, void* value, socklen_t* length) noexcept {
  if (level == SOL_SOCKET && name == SO_ACCEPTCONN)
    return tell_option(state_ == State::listening ? 1 : 0, value, length);
  if (level == SOL_SOCKET && name == SO_ERROR) {
    const int error = state_ == State::connected ? connection_->take_error(side_) : std::exchange(error_, 0);
    return tell_option(error, value, length);
  }
  return options().get(level, name, value, length);
}

int StreamSocket::setsockopt(int level, int name, const void* value, socklen_t length) noexcept {
  const int error = options().set(level, name, value, length);
  if (error == 0 && state_ == State::connected) connection_->heed_options(side_);
  return error;
}

int StreamSocket::shutdown(int how) noexcept {
  if (how < SHUT_RD || how > SHUT_RDWR) return -EINVAL;
  switch (state_) {
    case State::connected:
      return connection_->shutdown(side_, how);
    case State::connecting:
      handshake_.reset();
      connection_.reset();
      state_ = State::fresh;
      return 0;
    case State::listening:
      if (how == SHUT_WR) return 0;
      queue_.reset();
      binding_.set_listens(false);
      state_ = State::fresh;
      return 0;
    case State::fresh:
    case State::failed:
      break;
  }
  return options_.is_unix() ? 0 : -ENOTCONN;
}

}  // namespace tidegate::kernel::sim
