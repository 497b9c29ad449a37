// The way of a datagram: see datagram.hpp.
#include "kernel/sim/datagram.hpp"

#include "kernel/sim/byte_queue.hpp"
#include "kernel/sim/datagram_socket.hpp"
#include "kernel/sim/environment.hpp"

#include <utility>

namespace tidegate::kernel::sim {

namespace {

std::vector<std::byte> gathered(const msghdr& message) {
  std::vector<std::byte> bytes;
  bytes.reserve(bytes_of(message));
  for (std::size_t at = 0; at < message.msg_iovlen; ++at) {
    const auto* piece = static_cast<const std::byte*>(message.msg_iov[at].iov_base);
    bytes.insert(bytes.end(), piece, piece + message.msg_iov[at].iov_len);
  }
  return bytes;
}

}  // namespace

Datagram::Datagram(Environment& environment, const std::shared_ptr<DatagramSocket>& sender,
                   const msghdr& message)
    : environment_(environment),
      bytes_(gathered(message)),
      sender_(sender),
      burdens_sender_(true),
      happening_(environment.events, this, &call_method<&Datagram::happen, Datagram>) {
  sender->burden(cost());
}

/// A duplicate, which the network has made: no burden of the sender's.
Datagram::Datagram(const Datagram& other, Environment& environment)
    : ListNode(),
      environment_(environment),
      bytes_(other.bytes_),
      from_(other.from_),
      to_(other.to_),
      happening_(environment.events, this, &call_method<&Datagram::happen, Datagram>) {}

Datagram::~Datagram() { free_sender(); }

void Datagram::free_sender() noexcept {
  if (!std::exchange(burdens_sender_, false)) return;
  if (const auto sender = sender_.lock()) sender->unburden(cost());
}

void Datagram::send(std::unique_ptr<Datagram> datagram, const InternetName& to, TimePoint arrival) noexcept {
  datagram->to_ = to;
  launch(std::move(datagram), arrival);
}

void Datagram::send(std::unique_ptr<Datagram> datagram, const std::shared_ptr<DatagramSocket>& to,
                    TimePoint arrival) noexcept {
  datagram->is_local_ = true;
  datagram->receiver_ = to;
  to->expect();
  launch(std::move(datagram), arrival);
}

void Datagram::launch(std::unique_ptr<Datagram> datagram, TimePoint arrival) noexcept {
  datagram->happening_.set(arrival);
  Environment& environment = datagram->environment_;
  environment.datagrams.push_back(*datagram.release());
}

void Datagram::happen() {
  unlink();
  arrive(std::unique_ptr<Datagram>(this));
}

void Datagram::arrive(std::unique_ptr<Datagram> self) noexcept {
  if (is_refused_) {
    if (const auto sender = sender_.lock()) sender->refused(to_);
    return;
  }
  if (is_local_) {
    // What it takes stays the sender's until it is received.
    if (const auto receiver = receiver_.lock()) receiver->take_expected(std::move(self));
    return;
  }
  free_sender();
  if (environment_.addresses.is_cut(from_.internet.octets, to_.octets)) {
    environment_.note("a datagram is lost at a cut cable", 0, to_.port);
    return;
  }
  if (Binding* at = environment_.addresses.find_datagram_socket(to_, from_.internet); at != nullptr) {
    at->owner<DatagramSocket>().take(std::move(self));
    return;
  }
  environment_.note("a datagram finds nobody", 0, to_.port);
  is_refused_ = true;
  launch(std::move(self), environment_.now() + environment_.latency());
}

}  // namespace tidegate::kernel::sim
