// What a StreamWriter writes to: see stream_output.hpp.
#include "streams/stream_output.hpp"

#include <tidegate/loop.hpp>

#include "streams/stream_input.hpp"

#include <system_error>
#include <utility>

namespace tidegate::detail {

namespace {

void settle(const Future<void>& future, const std::exception_ptr& exception) {
  if (future.done()) return;  // cancelled
  if (exception == nullptr) return future.set_result();
  future.core()->silence();  // whoever dropped it does not want to know
  future.set_exception(exception);
}

void settle_all(const std::vector<Future<void>>& waiting, const std::exception_ptr& exception) {
  for (const Future<void>& future : waiting) settle(future, exception);
}

/// One more that waits, in the place of those that were cancelled meanwhile.
void add(std::vector<Future<void>>& waiting, const Future<void>& future) {
  std::erase_if(waiting, [](const Future<void>& other) { return other.done(); });
  waiting.push_back(future);
}

}  // namespace

void StreamOutput::resume() {
  paused_ = false;
  settle_all(std::exchange(draining_, {}), nullptr);
}

void StreamOutput::lost(std::exception_ptr exception) {
  if (lost_) return;
  lost_ = true;
  exception_ = std::move(exception);
  settle_all(std::exchange(draining_, {}), exception_);
  settle_all(std::exchange(closing_, {}), exception_);
}

Future<void> StreamOutput::drain(const std::shared_ptr<StreamOutput>& self) {
  const bool has_failed = input_ != nullptr && input_->exception() != nullptr;
  const bool is_ending = !lost_ && transport_->is_closing();
  if (!has_failed && !is_ending && !lost_ && !paused_) return done_already();
  Future<void> drained = new_future();
  if (has_failed) {
    settle(drained, input_->exception());
  } else if (is_ending) {
    // connection_lost is due. Without this, `write` and `drain` in a loop would never let it come.
    transport_->loop().call_soon([self, drained] { self->settle_drained(drained); });
  } else {
    settle_drained(drained);
  }
  return drained;
}

void StreamOutput::settle_drained(const Future<void>& future) {
  if (lost_) {
    const std::error_code reset = std::make_error_code(std::errc::connection_reset);
    settle(future, std::make_exception_ptr(OsError(reset, "Connection lost")));
  } else if (paused_) {
    add(draining_, future);
  } else {
    settle(future, nullptr);
  }
}

Future<void> StreamOutput::wait_closed() {
  if (lost_ && exception_ == nullptr) return done_already();
  Future<void> closed = new_future();
  if (lost_) {
    settle(closed, exception_);
  } else {
    add(closing_, closed);
  }
  return closed;
}

Future<void> StreamOutput::done_already() {
  if (!done_) {
    done_ = new_future();
    done_.set_result();
  }
  return done_;
}

Future<void> StreamOutput::new_future() const { return transport_->loop().create_future<void>(); }

}  // namespace tidegate::detail
