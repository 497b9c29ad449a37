// The seam on io_uring: a loop that is run by another thread than before. A ring belongs to one thread, so
// there is a new ring, and everything is requested again.
#include "base/log.hpp"
#include "kernel/uring/uring_backend.hpp"

#include <algorithm>
#include <cerrno>
#include <set>
#include <string>
#include <utility>

namespace tidegate::kernel {

/// Loses nothing: what has completed is in the old ring's memory, and nothing is received or sent outside of
/// `collect` and `wait`, which only its own thread could call. What had not completed ends with the ring.
void UringBackend::move_to_this_thread() noexcept {
  try {
    auto ring = std::make_unique<Ring>(options_);
    fetch_backlog();
    ring_ = std::move(ring);
    buffers_->move_to(*ring_);
    messages_.clear();
    requests_ = 0;
    request_again();
  } catch (const std::exception& error) {
    base::log(LogLevel::error, std::string("a loop can't go on in this thread: ") + error.what());
    slots_.for_each([this](ChannelId, UringSlot& slot) {
      if (slot.input != nullptr) done_.push(*slot.input, -ENOMEM);
      if (slot.output != nullptr) done_.push(*slot.output, slot.output_cancelled ? -ECANCELED : -ENOMEM);
      slot.clear_input();
      slot.clear_output();
    });
    cancelled_ = 0;
  }
}

void UringBackend::request_again() {
  // That the thread has ended is why they were cancelled: nobody asked for it.
  std::erase_if(backlog_, [](const Arrival& arrival) {
    return arrival.completion.result == -ECANCELED && arrival.tag().request() != Request::send;
  });
  // Those whose last completion waits in the backlog are requested when that is dispatched.
  std::set<std::uint64_t> ending;
  for (const Arrival& arrival : backlog_) {
    if (!arrival.completion.more()) ending.insert(arrival.completion.tag);
  }
  // Sends take what there is room for at the moment, and the kernel has not seen these: for them there was
  // none.
  const auto nothing_was_sent = [this](ChannelId channel, const ReceivedPiece& piece) {
    backlog_.push_back({{RequestTag(Request::send, channel).value(), -EAGAIN, 0}, piece});
  };
  for (const LentSend& send : lent_sends_.take_all()) {
    ending.insert(RequestTag(Request::send, send.channel).value());
    nothing_was_sent(send.channel, send.piece);
  }
  request_wake();
  slots_.for_each([&](ChannelId channel, UringSlot& slot) {
    if (slot.input_request != Request::none &&
        !ending.contains(RequestTag(slot.input_request, channel).value())) {
      slot.input_request = Request::none;
      arm_input(channel, slot);
    }
    if (slot.output_request != Request::none &&
        !ending.contains(RequestTag(slot.output_request, channel).value())) {
      const bool connects = slot.output_request == Request::connect;
      slot.output_request = Request::none;
      // It is under way in the kernel, which tells of its end as it does for everybody.
      if (connects) request_output(channel, slot, Request::poll_output);
      arm_output(channel, slot);
    }
    if (slot.output_kind == UringSlot::Output::send &&
        !ending.contains(RequestTag(Request::send, channel).value())) {
      nothing_was_sent(channel, {});
    }
  });
}

}  // namespace tidegate::kernel
