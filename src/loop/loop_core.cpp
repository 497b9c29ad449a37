// One iteration of a loop, its start and its end: see loop_core.hpp.
#include "loop/loop_core.hpp"

#include "base/log.hpp"
#include "loop/running_loop.hpp"

#include <algorithm>
#include <cstdlib>
#include <new>
#include <string>

#include <fmt/format.h>

namespace tidegate::loop {

namespace {

bool debug_by_environment() {
  const char* value = std::getenv("TIDEGATE_DEBUG");
  return value != nullptr && *value != '\0' && std::string_view(value) != "0";
}

}  // namespace

LoopCore::LoopCore(Loop& loop, const LoopOptions& options)
    : loop_(loop),
      backend_(kernel::make_backend(options.backend, options.network)),
      tasks_(loop),
      remote_calls_(*backend_),
      signals_(*backend_),
      watches_(*this),
      executor_(options.executor_threads),
      spin_(options.spin),
      debug_(options.debug || debug_by_environment()) {}

LoopCore::~LoopCore() = default;

// --- one iteration -------------------------------------------------------------------------------

/// The order is asyncio's: what was ready before the wait, then what the kernel reports, then the timers
/// whose time had come when the wait was over; and what any of these adds waits for the next iteration
/// (contract E1). A timer that becomes due while callbacks run is behind what they made ready, too: who was
/// answered in time is not told that time is over because the loop was late.
void LoopCore::run_once() {
  if (!unflushed_.empty()) flush();
  wait();
  backend_->tell_done();
  remote_calls_.fetch(ready_);
  if (signals_.pending()) {
    signals_.run_pending(
        [this](Callback& callback) { run_reporting(callback, "Exception in signal handler"); });
  }
  detail::ReadyQueue due;
  if (!timers_.empty()) timers_.take_due(backend_->now(), due);
  if (!ready_.empty()) run(ready_, ready_.size());
  if (!interrupted_) dispatch();
  if (due.empty()) return;
  run(due, due.size());
  ready_.append(due);  // empty, unless there was an interruption
}

/// What has no memory for its work ends its own connection, and tells. What is thrown all the same is
/// reported, and nobody else is concerned: those that were not reached have their turn in the next iteration.
void LoopCore::flush() noexcept {
  try {
    unflushed_.flush();
  } catch (...) {
    report("Exception while what was written is sent", std::current_exception());
  }
}

void LoopCore::dispatch() noexcept {
  try {
    backend_->dispatch();
  } catch (...) {
    report("Exception while what has arrived is delivered", std::current_exception());
  }
}

void LoopCore::wait() noexcept {
  const std::optional<Duration> timeout = time_to_wait();
  if (timeout != Duration::zero() && remote_calls_.fall_asleep()) {
    sleep(timeout);
  } else {
    backend_->wait(Duration::zero(), Duration::zero());
  }
  remote_calls_.wake_up();
}

void LoopCore::sleep(std::optional<Duration> timeout) noexcept {
  if (sleep_observer != nullptr) sleep_observer->falls_asleep();
  backend_->wait(timeout, spin_);
  if (sleep_observer != nullptr) sleep_observer->wakes_up();
}

std::optional<Duration> LoopCore::time_to_wait() const noexcept {
  if (stopping_ || !ready_.empty() || !unflushed_.empty() || signals_.pending()) return Duration::zero();
  const std::optional<TimePoint> deadline = timers_.next_deadline();
  if (!deadline) return std::nullopt;
  const TimePoint now = backend_->now();
  return *deadline > now ? *deadline - now : Duration::zero();  // compared first: a deadline may lie anywhere
}

void LoopCore::run(detail::ReadyQueue& queue, std::size_t count) noexcept {
  for (; count > 0 && !interrupted_; --count) {
    detail::ReadyNode& node = queue.pop();
    run_reporting([&node] { node.run(); }, "Exception in callback");
  }
}

void LoopCore::flush_soon(Visitor& visitor) {
  if (running_) {
    flush_later(visitor);
  } else {
    visitor.flush();
  }
}

void LoopCore::run_forever() {
  check_open();
  if (running_) throw InvalidStateError("This event loop is already running");
  const RunningLoop on_this_thread(loop_);
  struct Running {
    LoopCore& core;
    explicit Running(LoopCore& runs) : core(runs) {
      core.thread_.store(std::this_thread::get_id(), std::memory_order_relaxed);
      core.running_ = true;
    }
    ~Running() {
      core.stopping_ = false;
      core.interrupted_ = false;
      core.running_ = false;
      core.thread_.store(std::thread::id(), std::memory_order_relaxed);
    }
  };
  {
    const Running running(*this);
    do {
      run_once();
    } while (!stopping_);
    // Nobody comes round again: what was written in the last iteration leaves now. A protocol that is resumed
    // by that may write more, but not for ever.
    for (int rounds = 0; rounds < kLastFlushes && !unflushed_.empty(); ++rounds) flush();
  }
  flush();
  backend_->submit();
}

// --- the end -------------------------------------------------------------------------------------

void LoopCore::close() {
  if (running_) throw InvalidStateError("Cannot close a running event loop");
  if (closed_) return;
  closed_ = true;
  executor_.shut_down();
  backend_->drop_jobs();
  remote_calls_.close();
  remote_calls_.fetch(ready_);
  signals_.remove_all();
  tasks_.destroy_pending();
  timers_.clear();
  // Residents and what they hold may schedule something or end others while they go: nobody goes while
  // queued.
  while (!visitors_.empty() || !residents_.empty() || !ready_.empty()) {
    discard_ready();
    if (Visitor* visitor = visitors_.pop_front()) {
      visitor->loop_closed();
    } else if (Resident* resident = residents_.pop_front()) {
      resident->loop_closed();
    }
  }
  watches_.remove_all();
  backend_->settle();  // so that the owners of what was cancelled can go
  discard_ready();
}

void LoopCore::discard_ready() noexcept {
  while (!ready_.empty()) ready_.pop().discard();
}

// --- errors and debugging ------------------------------------------------------------------------

void LoopCore::report(const char* message, std::exception_ptr exception, BaseTransport* transport,
                      BaseProtocol* protocol) noexcept {
  ExceptionContext context{
      .message = {}, .exception = std::move(exception), .transport = transport, .protocol = protocol};
  try {
    context.message = message;
  } catch (const std::bad_alloc&) {
    context.message = "no memory";  // so short that it needs none
  }
  loop_.call_exception_handler(context);
}

void LoopCore::check_open() const {
  if (closed_) throw InvalidStateError("Event loop is closed");
}

void LoopCore::check_thread_in_debug_mode() const {
  const std::thread::id owner = thread_.load(std::memory_order_relaxed);
  if (owner == std::thread::id() || owner == std::this_thread::get_id()) return;
  constexpr const char* kMessage =
      "Non-thread-safe operation invoked on an event loop other than the current one";
  base::log(LogLevel::error, kMessage);
  throw InvalidStateError(kMessage);
}

void LoopCore::log_if_slow(Duration taken) const noexcept {
  if (taken <= slow_callback_duration) return;
  try {
    const double seconds = std::chrono::duration<double>(taken).count();
    base::log(LogLevel::warning, fmt::format("Executing a callback took {:.3f} seconds", seconds));
  } catch (const std::exception&) {
    base::log(LogLevel::warning, "Executing a callback took long");
  }
}

}  // namespace tidegate::loop
