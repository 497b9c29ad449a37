// The sending side of a datagram transport: when datagrams are offered to the kernel, and what the protocol
// is told about the rest.
//
// A datagram goes to the kernel at once where none waits. Those that are sent while the loop delivers what
// has arrived are gathered, and leave together before it blocks (contract W6), many for one system call; only
// what would go over the high-water mark is offered before that, for only what the kernel refuses may pause
// anybody (F1). An error is that of the first datagram that was offered: it is dropped, the protocol is told,
// and the others go on (D2).
#include "base/log.hpp"
#include "transport/datagram_transport.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <utility>

namespace tidegate::transport {

namespace {

/// Datagrams that one transport sends without letting others have their turn (contract E5).
constexpr std::size_t kTurnDatagrams = 1024;

/// A Unix socket that is not connected is not told when another has room again: it tries, ever more seldom.
constexpr Duration kFirstPause = std::chrono::milliseconds(1);
constexpr Duration kLongestPause = std::chrono::milliseconds(32);

BytesView bytes_of(const net::SocketAddress& address) noexcept { return {&address.storage, address.length}; }

}  // namespace

// --- what the user calls -------------------------------------------------------------------------

void DatagramSocketTransport::sendto(BytesView data, const Endpoint& address) {
  if (socket_.remote.empty() && !socket_.connected) {
    const BytesView sender = last_sender_.address_of(address);
    if (!sender.empty()) return send_to(data, sender);
  }
  check_address(address);
  if (socket_.connected) {
    send_to(data, BytesView());  // the kernel knows
  } else if (!socket_.remote.empty()) {
    send_to(data, bytes_of(remote_address_));
  } else {
    const net::SocketAddress translated = net::to_sockaddr(address);
    send_to(data, bytes_of(translated));
  }
}

void DatagramSocketTransport::send_to(BytesView data, BytesView address) {
  if (state_.is_lost()) {
    if (state_.ignore_write())
      base::log(LogLevel::warning, "sendto() on a transport whose connection was lost");
    return;
  }
  core_.check_thread();
  // Not from inside of error_received either, not even over the mark: an answer to it that fails again would
  // never end.
  const bool gathers = core_.delivery.to != nullptr || telling_error_;
  if (buffer_.empty() && !gathers && !waits_for_room()) {
    if (offer(data, address)) return;
    buffer_.append(data, address);
    wait_for_room();
  } else {
    buffer_.append(data, address);
    if (!waits_for_room() && !telling_error_ && buffer_.size() > flow_.limits().high) send_what_waits();
    settle_later();
  }
  if (!state_.is_lost()) pause_protocol_if_over();
}

void DatagramSocketTransport::check_address(const Endpoint& address) const {
  if (address.empty()) {
    if (socket_.connected || !socket_.remote.empty()) return;
    throw std::invalid_argument("sendto: an address is needed, for the transport has no remote one");
  }
  if (socket_.remote.empty() || address == socket_.remote) return;
  throw std::invalid_argument("sendto: the address " + address.to_string() + " must be none or " +
                              socket_.remote.to_string());
}

void DatagramSocketTransport::set_write_buffer_limits(const WriteBufferLimitOptions& limits) {
  flow_.set_limits(limits.high, limits.low);
  if (state_.is_lost()) return;
  core_.check_thread();
  pause_protocol_if_over();
}

// --- to the kernel -------------------------------------------------------------------------------

/// Sends one datagram straight from the caller's memory. False where there is no room for it; an error has
/// been told.
bool DatagramSocketTransport::offer(BytesView datagram, BytesView address) {
  const kernel::OutgoingDatagram only{.bytes = datagram, .address = address};
  const std::ptrdiff_t result = core_.backend().try_send(sending(), channel_, {&only, 1});
  if (result == -EAGAIN) return false;
  if (result < 0) tell_error(static_cast<int>(-result), "sendto");
  return true;
}

std::size_t DatagramSending::gather(std::span<kernel::OutgoingDatagram> datagrams) {
  return static_cast<DatagramSocketTransport&>(*this).buffer_.gather(datagrams);
}

/// Offers what waits until nothing does, the kernel is full, or others have waited long enough. Errors are
/// told on the way, so anything may have happened when this returns.
void DatagramSocketTransport::send_what_waits() {
  std::array<kernel::OutgoingDatagram, kernel::DatagramSendOperation::kBatch> batch;
  std::size_t turn = std::min(buffer_.count(), kTurnDatagrams);
  while (turn > 0 && !buffer_.empty() && !waits_for_room()) {
    const std::size_t count = buffer_.gather(std::span(batch).first(std::min(turn, batch.size())));
    const std::ptrdiff_t result =
        core_.backend().try_send(sending(), channel_, std::span(batch).first(count));
    if (result == -EAGAIN) return wait_for_room();
    const std::size_t done = result > 0 ? static_cast<std::size_t>(result) : 1;
    turn -= done;
    buffer_.drop(done);
    pause_between_tries_ = {};
    if (result < 0) tell_error(static_cast<int>(-result), "sendto");
  }
}

void DatagramSocketTransport::wait_for_room() {
  core_.forget_flush(*this);
  if (socket_.family == AddressFamily::unix_domain && !socket_.connected) {
    try_again_later();
  } else {
    core_.backend().start(sending(), channel_);
  }
}

/// Where it is the other end that has no room, and the kernel does not tell when it has: our end can always
/// be written to.
void DatagramSocketTransport::try_again_later() {
  pause_between_tries_ = std::clamp(pause_between_tries_ * 2, kFirstPause, kLongestPause);
  next_try_ = core_.loop().call_later(pause_between_tries_, [this] {
    trying_again_ = false;
    flush();
  });
  trying_again_ = true;
}

/// From the loop: what was gathered leaves, or what was left over.
void DatagramSocketTransport::flush() {
  if (state_.is_lost() || waits_for_room()) return;
  const loop::LoopCore::CallbackTimer timer(core_);
  send_what_waits();
  after_sending();
}

/// What waits, and what waits for that, is seen to before the loop blocks.
void DatagramSocketTransport::settle_later() {
  if (state_.is_lost() || waits_for_room()) return;
  if (!buffer_.empty() || flow_.paused() || state_.is_closing()) core_.flush_later(*this);
}

void DatagramSending::completed(int result) {
  auto& transport = static_cast<DatagramSocketTransport&>(*this);
  const loop::LoopCore::CallbackTimer timer(transport.core_);
  transport.sending_completed(result);
}

void DatagramSocketTransport::sending_completed(int result) {
  if (state_.is_lost() || result == -ECANCELED) {
    operation_ended();
    return;
  }
  buffer_.drop(result > 0 ? static_cast<std::size_t>(result) : 1);
  if (result < 0) tell_error(-result, "sendto");
  if (state_.is_lost()) return;
  send_what_waits();
  after_sending();
}

/// There is less than before: tells the protocol, and does what waited for there to be nothing.
void DatagramSocketTransport::after_sending() {
  if (state_.is_lost()) return;
  const auto may_tell = [this] { return core_.may_tell_of_room(*this); };
  if (flow_.resume_if_drained(buffer_.size(), may_tell) && state_.opened()) {
    try {
      protocol_.get().resume_writing();
    } catch (...) {
      report("protocol.resume_writing() failed", std::current_exception());
    }
  }
  if (state_.is_lost()) return;
  if (buffer_.empty() && state_.is_closing()) return lose(Error());
  if (!buffer_.empty()) settle_later();
}

void DatagramSocketTransport::pause_protocol_if_over() {
  if (!flow_.pause_if_over(buffer_.size())) return;
  try {
    protocol_.get().pause_writing();
  } catch (...) {
    report("protocol.pause_writing() failed", std::current_exception());
  }
}

void DatagramSocketTransport::tell_error(int error, const char* attempted) {
  const bool telling_another = std::exchange(telling_error_, true);
  try {
    protocol_.get().error_received(Error(std::error_code(error, std::system_category()), attempted));
  } catch (...) {
    report("protocol.error_received() failed", std::current_exception());  // the transport lives on (L7)
  }
  telling_error_ = telling_another;
}

}  // namespace tidegate::transport
