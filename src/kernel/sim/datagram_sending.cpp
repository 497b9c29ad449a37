// Sending from datagram sockets: what is refused at once, and what the weather does to the rest. See
// datagram_socket.hpp.
#include "kernel/sim/byte_queue.hpp"
#include "kernel/sim/datagram_socket.hpp"
#include "kernel/sim/environment.hpp"

#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>

#include <netinet/in.h>
#include <netinet/udp.h>

namespace tidegate::kernel::sim {

namespace {

constexpr std::size_t kMostBytesIpv4 = 65507;
constexpr std::size_t kMostBytesIpv6 = 65527;
constexpr Octets kBroadcast{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 255, 255, 255, 255};

/// Whether it is several datagrams that are to be cut from one message (UDP GSO).
bool is_train(const msghdr& message) noexcept {
  const cmsghdr* part = CMSG_FIRSTHDR(&message);
  return part != nullptr && part->cmsg_level == SOL_UDP && part->cmsg_type == UDP_SEGMENT;
}

}  // namespace

std::ptrdiff_t DatagramSocket::send(const msghdr& message) noexcept {
  if (error_ != 0) return -std::exchange(error_, 0);
  if (cannot_send_) return -EPIPE;
  if (environment_.chance.happens(environment_.conditions.datagram_shortage)) {
    environment_.note("is short of buffers", name_);
    return -ENOBUFS;
  }
  try {
    return is_unix() ? send_unix(message) : send_udp(message);
  } catch (const std::bad_alloc&) {
    return -ENOBUFS;
  }
}

std::ptrdiff_t DatagramSocket::send_udp(const msghdr& message) {
  if (is_train(message)) return -EIO;  // as an interface that can't: they are sent one by one then
  SocketName to = peer_name_;
  if (message.msg_name != nullptr && message.msg_namelen > 0) {
    const auto* address = static_cast<const sockaddr*>(message.msg_name);
    if (const int error = parse(options_.domain(), address, message.msg_namelen, to); error != 0)
      return error;
    name_this_machine(to.internet);
  } else if (!is_connected_) {
    return -EDESTADDRREQ;
  }
  const std::size_t size = bytes_of(message);
  const bool goes_by_ipv4 = is_ipv4(to.internet.octets);
  if (to.internet.port == 0) return -EINVAL;
  if (size > (goes_by_ipv4 ? kMostBytesIpv4 : kMostBytesIpv6)) return -EMSGSIZE;
  if (goes_by_ipv4 && options_.domain() == AF_INET6 && options_.is_ipv6_only()) return -ENETUNREACH;
  if (to.internet.octets == kBroadcast && !options_.may_broadcast()) return -EACCES;
  if (sending_bytes_ >= options_.send_buffer_bytes()) return -EAGAIN;
  if (!binding_.is_bound()) {
    // An IPv6 socket hears of both families.
    const InternetName beside{options_.domain() == AF_INET6 ? Octets() : to.internet.octets, 0, 0};
    if (const int error = bind_where_free(beside); error != 0) return error;
  }

  auto datagram = std::make_unique<Datagram>(environment_, shared_from_this(), message);
  SocketName from = binding_.name();
  if (is_any(from.internet.octets)) from.internet.octets = to.internet.octets;
  datagram->set_from(from);
  environment_.note("sends a datagram", name_, static_cast<std::int64_t>(size));

  Chance& chance = environment_.chance;
  const NetworkConditions& conditions = environment_.conditions;
  TimePoint arrival = std::max(last_arrival_, environment_.now() + environment_.latency());
  last_arrival_ = arrival;
  if (chance.happens(conditions.datagram_reordering)) {
    // Later ones overtake it, as far as there are any.
    arrival += std::max(conditions.longest_latency, Duration(1)) + environment_.latency();
  }
  if (chance.happens(conditions.datagram_duplication)) {
    auto duplicate = std::make_unique<Datagram>(*datagram, environment_);
    Datagram::send(std::move(duplicate), to.internet, arrival + environment_.latency());
  }
  if (chance.happens(conditions.datagram_loss)) {
    environment_.note("sent it in vain", name_);
  } else {
    Datagram::send(std::move(datagram), to.internet, arrival);
  }
  return static_cast<std::ptrdiff_t>(size);
}

std::ptrdiff_t DatagramSocket::send_unix(const msghdr& message) {
  const std::size_t size = bytes_of(message);
  if (size + 32 > options_.send_buffer_bytes()) return -EMSGSIZE;
  std::shared_ptr<DatagramSocket> receiver;
  if (message.msg_name != nullptr && message.msg_namelen > 0) {
    SocketName to;
    const auto* address = static_cast<const sockaddr*>(message.msg_name);
    if (const int error = parse(AF_UNIX, address, message.msg_namelen, to); error != 0) return error;
    if (const int error = find_receiver(to.local, receiver); error != 0) return error;
  } else {
    if (!is_connected_) return -ENOTCONN;
    receiver = peer_.lock();
    if (receiver == nullptr || receiver->is_closed_) {
      disconnect();
      return -ECONNREFUSED;
    }
  }
  if (sending_bytes_ >= options_.send_buffer_bytes()) return -EAGAIN;
  if (receiver->cannot_receive_) return -EPIPE;
  if (receiver->is_full_for(*this)) return -EAGAIN;

  auto datagram = std::make_unique<Datagram>(environment_, shared_from_this(), message);
  datagram->set_from(binding_.name());
  environment_.note("sends a datagram", name_, static_cast<std::int64_t>(size));
  last_arrival_ = std::max(
      last_arrival_, environment_.now() + environment_.chance.between(
                                              Duration::zero(), environment_.conditions.shortest_latency));
  Datagram::send(std::move(datagram), receiver, last_arrival_);
  return static_cast<std::ptrdiff_t>(size);
}

}  // namespace tidegate::kernel::sim
