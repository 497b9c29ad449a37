// The seam on io_uring: a loop that is run by another thread than before. A ring belongs to one thread, so
// there is a new ring, and everything is requested again.
#include "base/log.hpp"
#include "kernel/uring/uring_backend.hpp"

#include <algorithm>
#include <cerrno>
#include <set>
#include <string>
#include <utility>

#include <poll.h>
#include <unistd.h>

namespace tidegate::kernel {

/// Loses nothing: what has completed is in the old ring's memory, and nothing is received or sent outside of
/// `collect` and `wait`, which only its own thread could call. What had not completed ends with the ring.
///
/// Where this thread gets no ring (too many open descriptors, a sandbox of its own), everything stays as it
/// is, and the next call tries again.
void UringBackend::move_to_this_thread() noexcept {
  try {
    auto ring = std::make_unique<Ring>(options_);
    fetch_backlog();
    if (ring_->ready() > 0) throw std::bad_alloc();
    buffers_->move_to(*ring);
    std::set<std::uint64_t> ending = tags_that_end();
    tell_what_the_old_ring_did_not_send(ending);
    ring_ = std::move(ring);
    has_ring_ = true;
    messages_.clear();
    requests_ = 0;
    request_wake();
    request_again(ending);
  } catch (const std::exception& error) {
    if (std::exchange(has_ring_, false))
      base::log(LogLevel::error,
                std::string("a loop waits until it can go on in this thread: ") + error.what());
  }
}

/// As `wait`, while there is no ring to wait with; not for long, for there may be one soon.
void UringBackend::wait_for_a_ring(std::optional<Duration> timeout) const noexcept {
  constexpr Duration kLongest = std::chrono::milliseconds(50);
  const Duration longest = std::min(timeout.value_or(kLongest), kLongest);
  pollfd wake{.fd = wake_.get().number, .events = POLLIN, .revents = 0};
  if (::poll(&wake, 1, static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(longest).count())) <= 0)
    return;
  // Otherwise this would be so for ever. A ring looks for changes only, and does not miss it.
  std::uint64_t count = 0;
  static_cast<void>(!::read(wake_.get().number, &count, sizeof count));
}

/// Those whose last completion waits in the backlog: they are requested when that is dispatched.
std::set<std::uint64_t> UringBackend::tags_that_end() const {
  std::set<std::uint64_t> ending;
  for (const Arrival& arrival : backlog_) {
    if (!arrival.completion.more() && !ended_with_its_thread(arrival)) ending.insert(arrival.completion.tag);
  }
  return ending;
}

/// Sends take what there is room for at the moment, and the kernel has not seen these: for them there was
/// none.
void UringBackend::tell_what_the_old_ring_did_not_send(std::set<std::uint64_t>& ending) {
  const auto nothing_was_sent = [&](ChannelId channel, const ReceivedPiece& piece) {
    const std::uint64_t tag = RequestTag(Request::send, channel).value();
    if (!ending.insert(tag).second) return;
    backlog_.push_back({{tag, -EAGAIN, 0}, piece});
  };
  lent_sends_.take_all([&](const LentSend& send) { nothing_was_sent(send.channel, send.piece); });
  slots_.for_each([&](ChannelId channel, const UringSlot& slot) {
    if (slot.output_kind == UringSlot::Output::send) nothing_was_sent(channel, {});
  });
}

void UringBackend::request_again(const std::set<std::uint64_t>& ending) noexcept {
  std::erase_if(backlog_, ended_with_its_thread);
  slots_.for_each([&](ChannelId channel, UringSlot& slot) {
    if (slot.input_request != Request::none &&
        !ending.contains(RequestTag(slot.input_request, channel).value())) {
      slot.input_request = Request::none;
      arm_input(channel, slot);
    }
    if (slot.output_request != Request::none &&
        !ending.contains(RequestTag(slot.output_request, channel).value())) {
      slot.output_request = Request::none;
      arm_output(channel, slot);
    }
  });
}

}  // namespace tidegate::kernel
