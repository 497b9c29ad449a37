// What a Handle refers to: one callback on its way through the ready queue.
#pragma once

#include <tidegate/callback.hpp>
#include <tidegate/detail/ready.hpp>

#include "base/thread_cache.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace tidegate::detail {

/// Held by the queue and by any number of handles. Those of `call_soon_threadsafe` are shared between threads
/// and count atomically; the others never pay for that.
class ScheduledCall final : public ReadyNode {
 public:
  enum class Sharing : bool { one_thread, many_threads };

  /// Starts with two holders: the queue and the handle that is returned.
  ScheduledCall(Callback callback, Sharing sharing) noexcept
      : callback_(std::move(callback)), sharing_(sharing) {}

  static void* operator new(std::size_t) { return base::ThreadCache<ScheduledCall>::allocate(); }
  static void operator delete(void* memory) noexcept { base::ThreadCache<ScheduledCall>::deallocate(memory); }

  void run() override {
    // The queue's hold ends with this, also when the callback throws.
    struct Release {
      ScheduledCall& call;
      ~Release() { call.release(); }
    } release{*this};
    if (cancelled()) {
      callback_ = nullptr;
      return;
    }
    Callback callback = std::move(callback_);
    callback();
  }

  void discard() noexcept override {
    callback_ = nullptr;
    release();
  }

  void cancel() noexcept {
    cancelled_.store(true, std::memory_order_release);
    // What the callback holds is freed at once, except where the loop's thread might be just moving it out.
    if (sharing_ == Sharing::one_thread) callback_ = nullptr;
  }

  [[nodiscard]] bool cancelled() const noexcept { return cancelled_.load(std::memory_order_acquire); }

  void retain() noexcept {
    if (sharing_ == Sharing::many_threads) {
      holders_.fetch_add(1, std::memory_order_relaxed);
    } else {
      holders_.store(holders_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }
  }

  void release() noexcept {
    std::uint32_t before = 0;
    if (sharing_ == Sharing::many_threads) {
      before = holders_.fetch_sub(1, std::memory_order_acq_rel);
    } else {
      before = holders_.load(std::memory_order_relaxed);
      holders_.store(before - 1, std::memory_order_relaxed);
    }
    if (before == 1) delete this;
  }

 private:
  ~ScheduledCall() = default;

  Callback callback_;
  std::atomic<std::uint32_t> holders_{2};
  std::atomic<bool> cancelled_{false};
  const Sharing sharing_;
};

}  // namespace tidegate::detail
