// The calls on datagram sockets but sending: see datagram_socket.hpp.
#include "kernel/sim/datagram_socket.hpp"

#include "kernel/sim/byte_queue.hpp"
#include "kernel/sim/environment.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <poll.h>

namespace tidegate::kernel::sim {

DatagramSocket::DatagramSocket(Environment& environment, int domain) noexcept
    : environment_(environment),
      options_(domain, SOCK_DGRAM, environment.conditions),
      name_(environment.new_name()),
      binding_(this, SOCK_DGRAM, options_) {}

DatagramSocket::~DatagramSocket() { drop_queue(); }

void DatagramSocket::pair(const std::shared_ptr<DatagramSocket>& one,
                          const std::shared_ptr<DatagramSocket>& other) noexcept {
  one->peer_ = other;
  other->peer_ = one;
  one->is_connected_ = true;
  other->is_connected_ = true;
}

// --- what datagrams tell it ------------------------------------------------------------------------------

void DatagramSocket::take(std::unique_ptr<Datagram> datagram) noexcept {
  const bool has_room = queue_.empty() || queued_bytes_ + datagram->cost() <= options_.receive_buffer_bytes();
  if (!has_room || options_.plays_dead()) {
    environment_.note("loses a datagram", name_, static_cast<std::int64_t>(datagram->bytes().size()));
    return;
  }
  expect();
  take_expected(std::move(datagram));
}

void DatagramSocket::take_expected(std::unique_ptr<Datagram> datagram) noexcept {
  if (is_closed_) return;
  environment_.note("is reached by a datagram", name_, static_cast<std::int64_t>(datagram->bytes().size()));
  queued_bytes_ += datagram->cost();
  queue_.push_back(*datagram.release());
}

void DatagramSocket::refused(const InternetName& by) noexcept {
  const bool is_by_peer =
      is_connected_ && peer_name_.internet.octets == by.octets && peer_name_.internet.port == by.port;
  if (!is_by_peer || is_closed_) return;  // only a connected socket is told
  environment_.note("is refused", name_, by.port);
  error_ = ECONNREFUSED;
}

void DatagramSocket::drop_queue() noexcept {
  while (Datagram* datagram = queue_.pop_front()) delete datagram;
}

// --- calls -------------------------------------------------------------------------------------------------

std::ptrdiff_t DatagramSocket::receive(msghdr& message, int flags) noexcept {
  if ((flags & MSG_ERRQUEUE) != 0) return -EAGAIN;
  if (error_ != 0) return -std::exchange(error_, 0);
  if (queue_.empty()) return -EAGAIN;
  Datagram& datagram = queue_.front();
  const std::vector<std::byte>& bytes = datagram.bytes();

  std::size_t copied = 0;
  for (std::size_t at = 0; at < message.msg_iovlen && copied < bytes.size(); ++at) {
    const iovec& piece = message.msg_iov[at];
    const std::size_t count = std::min(piece.iov_len, bytes.size() - copied);
    if (count > 0) std::memcpy(piece.iov_base, bytes.data() + copied, count);
    copied += count;
  }
  const bool sender_has_no_name = is_unix() && datagram.from().local.length == 0;
  if (message.msg_name == nullptr || sender_has_no_name) {
    message.msg_namelen = 0;
  } else {
    tell(options_.domain(), datagram.from(), static_cast<sockaddr*>(message.msg_name), &message.msg_namelen);
  }
  message.msg_controllen = 0;
  message.msg_flags = copied < bytes.size() ? MSG_TRUNC : 0;
  environment_.note("receives a datagram", name_, static_cast<std::int64_t>(bytes.size()));
  const std::size_t told = (flags & MSG_TRUNC) != 0 ? bytes.size() : copied;
  if ((flags & MSG_PEEK) == 0) {
    --count_;
    queued_bytes_ -= datagram.cost();
    delete queue_.pop_front();
  }
  return static_cast<std::ptrdiff_t>(told);
}

short DatagramSocket::poll() const noexcept {
  int events = 0;
  if (!queue_.empty() || cannot_receive_) events |= POLLIN;
  if (cannot_receive_) events |= POLLRDHUP;
  if (cannot_receive_ && cannot_send_) events |= POLLHUP;
  if (has_room_to_send()) events |= POLLOUT;
  if (error_ != 0) events |= POLLERR;
  return static_cast<short>(events);
}

/// As Linux tells: half of the buffer is free, or three quarters of a Unix socket's; and one that is
/// connected looks at the receiver's queue as well.
bool DatagramSocket::has_room_to_send() const noexcept {
  if (!is_unix()) return sending_bytes_ * 2 < options_.send_buffer_bytes();
  const auto peer = peer_.lock();
  return sending_bytes_ * 4 <= options_.send_buffer_bytes() && (peer == nullptr || !peer->is_full_for(*this));
}

bool DatagramSocket::is_full_for(const DatagramSocket& sender) const noexcept {
  constexpr std::size_t kMostDatagrams = 10;  // net.unix.max_dgram_qlen
  return !is_closed_ && peer_.lock().get() != &sender && count_ > kMostDatagrams;
}

void DatagramSocket::close() noexcept {
  is_closed_ = true;
  binding_.release();
  drop_queue();
  environment_.note("is closed", name_);
}

int DatagramSocket::bind(const sockaddr* address, socklen_t length) noexcept {
  SocketName name;
  if (const int error = parse(options_.domain(), address, length, name); error != 0) return error;
  if (binding_.is_bound()) return -EINVAL;
  const int error = environment_.addresses.bind(binding_, name);
  environment_.note("is bound", name_, error != 0 ? error : binding_.name().internet.port);
  return error;
}

/// As sending or connecting does: any address of the family of the other end.
int DatagramSocket::bind_where_free(const InternetName& beside) noexcept {
  SocketName any;
  if (options_.domain() == AF_INET || is_ipv4(beside.octets)) any.internet.octets = kAnyIpv4;
  return environment_.addresses.bind(binding_, any);
}

int DatagramSocket::listen(int /*backlog*/) noexcept { return -EOPNOTSUPP; }

int DatagramSocket::accept(std::shared_ptr<File>& /*accepted*/, sockaddr* /*address*/,
                           socklen_t* /*length*/) noexcept {
  return -EOPNOTSUPP;
}

int DatagramSocket::connect(const sockaddr* address, socklen_t length) noexcept {
  if (length >= sizeof(sa_family_t) && address->sa_family == AF_UNSPEC) {
    disconnect();
    return 0;
  }
  SocketName to;
  if (const int error = parse(options_.domain(), address, length, to); error != 0) return error;
  return is_unix() ? connect_unix(to) : connect_udp(to);
}

int DatagramSocket::connect_udp(const SocketName& to) noexcept {
  disconnect();
  peer_name_ = to;
  name_this_machine(peer_name_.internet);
  if (!binding_.is_bound()) {
    if (const int error = bind_where_free(to.internet); error != 0) return error;
  }
  if (is_any(binding_.name().internet.octets)) {
    binding_.set_octets(peer_name_.internet.octets);
    address_is_chosen_ = true;
  }
  binding_.set_peer(peer_name_.internet);
  is_connected_ = true;
  return 0;
}

int DatagramSocket::connect_unix(const SocketName& to) noexcept {
  std::shared_ptr<DatagramSocket> receiver;
  if (const int error = find_receiver(to.local, receiver); error != 0) return error;
  peer_ = receiver;
  peer_name_ = to;
  is_connected_ = true;
  return 0;
}

void DatagramSocket::disconnect() noexcept {
  peer_.reset();
  peer_name_ = SocketName();
  is_connected_ = false;
  if (is_unix()) return;
  binding_.forget_peer();
  if (std::exchange(address_is_chosen_, false))
    binding_.set_octets(is_ipv4(binding_.name().internet.octets) ? kAnyIpv4 : Octets());
}

int DatagramSocket::find_receiver(const UnixName& name, std::shared_ptr<DatagramSocket>& receiver) noexcept {
  const Binding* at = environment_.addresses.find_unix(name, SOCK_DGRAM);
  if (at == nullptr) return name.is_abstract() ? -ECONNREFUSED : -ENOENT;
  if (!at->is_of_type(SOCK_DGRAM)) return -EPROTOTYPE;
  receiver = at->owner<DatagramSocket>().shared_from_this();
  const bool hears_us = !receiver->is_connected_ || receiver->peer_.lock().get() == this;
  return hears_us ? 0 : -EPERM;
}

int DatagramSocket::getsockname(sockaddr* address, socklen_t* length) const noexcept {
  tell(options_.domain(), binding_.name(), address, length);
  return 0;
}

int DatagramSocket::getpeername(sockaddr* address, socklen_t* length) const noexcept {
  if (!is_connected_) return -ENOTCONN;
  tell(options_.domain(), peer_name_, address, length);
  return 0;
}

int DatagramSocket::getsockopt(int level, int name, void* value, socklen_t* length) noexcept {
  if (level == SOL_SOCKET && name == SO_ACCEPTCONN) return tell_option(0, value, length);
  if (level == SOL_SOCKET && name == SO_ERROR) return tell_option(std::exchange(error_, 0), value, length);
  return options_.get(level, name, value, length);
}

int DatagramSocket::setsockopt(int level, int name, const void* value, socklen_t length) noexcept {
  return options_.set(level, name, value, length);
}

int DatagramSocket::shutdown(int how) noexcept {
  if (how < SHUT_RD || how > SHUT_RDWR) return -EINVAL;
  if (!is_unix() && !is_connected_) return -ENOTCONN;
  cannot_receive_ = cannot_receive_ || how != SHUT_WR;
  cannot_send_ = cannot_send_ || how != SHUT_RD;
  return 0;
}

}  // namespace tidegate::kernel::sim
