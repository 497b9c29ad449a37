// See socket_side.hpp.
#include "relay/socket_side.hpp"

#include <tidegate/loop.hpp>

#include <chrono>
#include <utility>

#include <linux/sockios.h>
#include <sys/ioctl.h>

namespace tidegate::cli::relay {

namespace {

/// How often the kernel is asked whether the peer has everything: it does not tell. And for how long a peer
/// may take nothing.
constexpr std::chrono::milliseconds kBetweenLooks{10};
constexpr std::chrono::seconds kPatience{5};

/// What the kernel has taken and the peer's has not acknowledged. A Unix socket hands it over at once, and it
/// survives.
std::size_t bytes_under_way(SocketView socket) {
  if (socket.local_endpoint().family() == AddressFamily::unix_domain) return 0;
  int bytes = 0;
  return ::ioctl(socket.descriptor().number, SIOCOUTQ, &bytes) == 0 ? static_cast<std::size_t>(bytes) : 0;
}

}  // namespace

SocketSide::SocketSide(PairEnd pair_end, std::optional<std::size_t> buffer_bytes)
    : pair_end_(std::move(pair_end)), buffer_bytes_(buffer_bytes) {}

void SocketSide::connection_made(TransportRef transport) {
  transport_ = std::move(transport);
  transport_->pause_reading();
  if (buffer_bytes_) transport_->set_write_buffer_limits({.high = *buffer_bytes_});
}

bool SocketSide::eof_received() {
  peer_has_ended_ = true;
  pair_end_.ended();
  if (is_leaving_) leave_when_taken();
  return true;  // the other way goes on
}

void SocketSide::resume_writing() {
  if (is_leaving_) {
    leave_when_taken();
  } else {
    pair_end_.has_room();
  }
}

void SocketSide::connection_lost(const Error& reason) {
  next_look_.cancel();
  pair_end_.gone(reason);
}

// --- the end -----------------------------------------------------------------------------------------------

void SocketSide::close() {
  is_leaving_ = true;
  last_progress_ = transport_->loop().time();
  transport_->write_eof();
  transport_->set_write_buffer_limits({.high = 0});  // so that `resume_writing` means empty
  transport_->resume_reading();
  leave_when_taken();
}

void SocketSide::leave_when_taken() {
  next_look_.cancel();
  if (transport_->is_closing()) return;
  if (transport_->get_write_buffer_size() > 0) return;  // `resume_writing` brings us back
  const std::size_t untaken_bytes = peer_has_ended_ ? 0 : bytes_under_way(transport_->socket());
  const TimePoint now = transport_->loop().time();
  if (std::exchange(untaken_bytes_, untaken_bytes) != untaken_bytes) last_progress_ = now;
  if (untaken_bytes == 0 || now - last_progress_ >= kPatience) return transport_->close();
  next_look_ = transport_->loop().call_later(kBetweenLooks, [this] { leave_when_taken(); });
}

Level SocketSide::level() const noexcept {
  return {transport_->get_write_buffer_size(), transport_->get_write_buffer_limits().high};
}

}  // namespace tidegate::cli::relay
