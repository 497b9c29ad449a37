// The public face of a loop over its core. The members that make transports and servers are defined by the
// layers that do.
#include <tidegate/detail/waiting.hpp>
#include <tidegate/loop.hpp>

#include "base/log.hpp"
#include "loop/loop_core.hpp"
#include "loop/scheduled_call.hpp"

#include <memory>
#include <utility>

namespace tidegate {

Loop::Loop(const LoopOptions& options) : core_(std::make_unique<loop::LoopCore>(*this, options)) {}

Loop::~Loop() { core_->close(); }

// --- running -------------------------------------------------------------------------------------

void Loop::run_forever() { core_->run_forever(); }

void Loop::run_until_done(detail::FutureCore& future) {
  core_->check_open();
  if (future.done()) return;
  // Shared, because the run may end before the future does: the callback must then stop nothing.
  struct Waiting {
    std::shared_ptr<bool> still = std::make_shared<bool>(true);
    ~Waiting() { *still = false; }
  };
  const Waiting waiting;
  future.add_done_callback([this, still = waiting.still] {
    if (*still) stop();
  });
  core_->run_forever();
  if (!future.done()) throw InvalidStateError("Event loop stopped before Future completed.");
}

void Loop::stop() noexcept { core_->stop(); }
bool Loop::is_running() const noexcept { return core_->is_running(); }
bool Loop::is_closed() const noexcept { return core_->is_closed(); }
void Loop::close() { core_->close(); }

// --- callbacks -----------------------------------------------------------------------------------

Handle Loop::call_soon(Callback callback) {
  core_->check_open();
  core_->check_thread();
  auto* call = new detail::ScheduledCall(std::move(callback), detail::ScheduledCall::Sharing::one_thread);
  core_->schedule(*call);
  return Handle(call);
}

Handle Loop::call_soon_threadsafe(Callback callback) {
  auto* call = new detail::ScheduledCall(std::move(callback), detail::ScheduledCall::Sharing::many_threads);
  Handle handle(call);
  if (!core_->remote_calls().push(*call)) {
    call->discard();
    throw InvalidStateError("Event loop is closed");
  }
  return handle;
}

TimerHandle Loop::call_later(Duration delay, Callback callback) {
  return call_at(detail::deadline_after(*this, delay), std::move(callback));
}

TimerHandle Loop::call_at(TimePoint when, Callback callback) {
  core_->check_open();
  core_->check_thread();
  auto* timer = new detail::ScheduledTimer(when, std::move(callback));
  TimerHandle handle(timer);
  try {
    core_->timers().insert(*timer);
  } catch (...) {
    timer->discard();  // the queue's hold
    throw;
  }
  return handle;
}

TimePoint Loop::time() const noexcept { return core_->backend().now(); }

void Loop::execute(Callback job) {
  core_->check_open();
  if (core_->backend().run_apart(job)) return;
  core_->executor().submit(std::move(job));
}

// --- descriptors and signals ---------------------------------------------------------------------

void Loop::add_reader(FileDescriptor descriptor, Callback callback) {
  core_->check_open();
  core_->check_thread();
  core_->watches().add(descriptor, kernel::Readiness::readable, std::move(callback));
}

bool Loop::remove_reader(FileDescriptor descriptor) {
  core_->check_thread();
  return core_->watches().remove(descriptor, kernel::Readiness::readable);
}

void Loop::add_writer(FileDescriptor descriptor, Callback callback) {
  core_->check_open();
  core_->check_thread();
  core_->watches().add(descriptor, kernel::Readiness::writable, std::move(callback));
}

bool Loop::remove_writer(FileDescriptor descriptor) {
  core_->check_thread();
  return core_->watches().remove(descriptor, kernel::Readiness::writable);
}

void Loop::add_signal_handler(int signal_number, Callback callback) {
  core_->check_open();
  core_->check_thread();
  core_->signals().add(signal_number, std::move(callback));
}

bool Loop::remove_signal_handler(int signal_number) {
  core_->check_thread();
  return core_->signals().remove(signal_number);
}

// --- errors and debugging ------------------------------------------------------------------------

namespace {

void log_reported(std::string_view message, const std::exception_ptr& exception) noexcept {
  try {
    std::string line(message);
    if (exception != nullptr) line += ": " + describe(exception);
    base::log(LogLevel::error, line);
  } catch (...) {
    base::log(LogLevel::error, "out of memory while reporting an exception");
  }
}

}  // namespace

void Loop::set_exception_handler(ExceptionHandler handler) { core_->exception_handler = std::move(handler); }

void Loop::call_exception_handler(const ExceptionContext& context) noexcept {
  if (!core_->exception_handler) {
    default_exception_handler(context);
    return;
  }
  try {
    // A copy: the handler may replace itself.
    const ExceptionHandler handler = core_->exception_handler;
    handler(*this, context);
  } catch (...) {
    log_reported("Unhandled error in exception handler", std::current_exception());
    default_exception_handler(context);
  }
}

void Loop::default_exception_handler(const ExceptionContext& context) noexcept {
  log_reported(context.message, context.exception);
}

void Loop::set_debug(bool enabled) noexcept { core_->set_debug(enabled); }
bool Loop::get_debug() const noexcept { return core_->debug(); }
void Loop::set_slow_callback_duration(Duration duration) noexcept {
  core_->slow_callback_duration = duration;
}
Duration Loop::slow_callback_duration() const noexcept { return core_->slow_callback_duration; }
std::string_view Loop::backend_name() const noexcept { return core_->backend().name(); }

namespace detail {

void schedule(Loop& loop, ReadyNode& node) noexcept { loop.core().schedule(node); }

void check_thread(const Loop& loop) { loop.core().check_thread(); }

TaskRegistry& task_registry(Loop& loop) noexcept { return loop.core().tasks(); }

}  // namespace detail

}  // namespace tidegate
