// See last_words.hpp.
#include "relay/last_words.hpp"

#include <tidegate/endpoint.hpp>
#include <tidegate/loop.hpp>
#include <tidegate/socket.hpp>

#include <chrono>
#include <utility>

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace tidegate::cli::relay {

namespace {

/// How often the kernel is asked whether the peer has everything. And for how long a peer may take nothing.
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

LastWords::LastWords(TransportRef transport, std::function<void()> on_taken)
    : transport_(std::move(transport)),
      on_taken_(std::move(on_taken)),
      last_progress_(transport_->loop().time()) {
  transport_->set_write_buffer_limits({.high = 0});  // so that `resume_writing` means empty
  transport_->resume_reading();
}

void LastWords::look() {
  next_look_.cancel();
  if (transport_->is_closing()) return;
  if (transport_->get_write_buffer_size() > 0) return;  // `resume_writing` brings us back
  const std::size_t untaken_bytes = trusts_the_kernel_ ? 0 : bytes_under_way(transport_->socket());
  const TimePoint now = transport_->loop().time();
  if (std::exchange(untaken_bytes_, untaken_bytes) != untaken_bytes) last_progress_ = now;
  if (untaken_bytes == 0 || now - last_progress_ >= kPatience) return on_taken_();
  next_look_ = transport_->loop().call_later(kBetweenLooks, [this] { look(); });
}

void cut_off(Transport& transport) {
  // Unacknowledged bytes are not sent any more, and the peer gets a reset instead of an end (socket(7)).
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  // Where it fails (a Unix socket, one that is reset already) there is nobody to reset.
  static_cast<void>(
      ::setsockopt(transport.socket().descriptor().number, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once));
  transport.abort();
}

}  // namespace tidegate::cli::relay
