// What all tasks share, whatever their result: steps, cancellation, and the list of those that have not
// ended. Knows coroutines only as handles. Not for users.
#pragma once

#include <tidegate/detail/future_core.hpp>
#include <tidegate/ref.hpp>

#include <coroutine>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <vector>

namespace tidegate::detail {

class TaskCore;
class ExecutorCall;

/// A place in a ring; alone, it is linked to itself.
struct RingLink {
  RingLink* previous = this;
  RingLink* next = this;

  RingLink() noexcept = default;
  RingLink(const RingLink&) = delete;
  RingLink& operator=(const RingLink&) = delete;

  [[nodiscard]] bool alone() const noexcept { return next == this; }
  void insert_before(RingLink& place) noexcept {
    previous = place.previous;
    next = &place;
    previous->next = this;
    place.previous = this;
  }
  void unlink() noexcept {
    previous->next = next;
    next->previous = previous;
    previous = next = this;
  }

 protected:
  ~RingLink() = default;
};

/// The part of a coroutine's promise that has no type.
class PromiseBase {
 public:
  PromiseBase() noexcept = default;
  PromiseBase(const PromiseBase&) = delete;
  PromiseBase& operator=(const PromiseBase&) = delete;

  void unhandled_exception() noexcept { exception_ = std::current_exception(); }

  /// The task that runs this coroutine; null before it is started.
  [[nodiscard]] TaskCore* task() const noexcept { return task_; }
  [[nodiscard]] bool started() const noexcept { return started_; }
  /// This coroutine belongs to `task` and, where `continuation` is not null, is awaited by that one.
  void start(TaskCore& task, std::coroutine_handle<> continuation) noexcept {
    task_ = &task;
    continuation_ = continuation;
    started_ = true;
  }
  [[nodiscard]] std::coroutine_handle<> continuation() const noexcept { return continuation_; }
  [[nodiscard]] const std::exception_ptr& exception() const noexcept { return exception_; }

 protected:
  ~PromiseBase() = default;

 private:
  TaskCore* task_ = nullptr;
  std::coroutine_handle<> continuation_;
  std::exception_ptr exception_;
  bool started_ = false;
};

/// A coroutine and those it awaits, run step by step by the loop; cancellation exactly as asyncio's `Task`
/// has it.
///
/// A step is a loop that resumes whatever coroutine is to go on, until none is: a coroutine that awaits
/// another, or ends, names the next one and returns. So the stack does not grow with the depth or the number
/// of awaits, in any build; symmetric transfer would rely on tail calls that unoptimised and instrumented
/// builds do not make.
///
/// Lifetime: holds itself from `begin` until it is done; the loop destroys those that are still pending when
/// it closes.
class TaskCore : public FutureCore, public DoneWaiter, public RingLink {
 public:
  /// The first step is queued. Throws InvalidStateError once the loop is closed or closing.
  void begin();

  bool cancel(const std::string& reason) override;
  /// How many requests to cancel are not taken back.
  [[nodiscard]] std::uint32_t cancelling() const noexcept { return cancel_requests_; }
  /// Takes one request back; returns how many remain. With the last one, a request that was not yet delivered
  /// is dropped.
  std::uint32_t uncancel() noexcept;

  [[nodiscard]] std::string name() const;
  void set_name(std::string name) { name_ = std::move(name); }

  /// The present step goes on in this coroutine.
  void go_on(std::coroutine_handle<> coroutine) noexcept { next_ = coroutine; }
  /// `coroutine` goes on in the next iteration.
  void yield(std::coroutine_handle<> coroutine);
  /// `coroutine` goes on when `future` is done. Returns a text where that can't be, and does nothing then.
  [[nodiscard]] const char* wait(FutureCore& future, std::coroutine_handle<> coroutine);
  /// After `yield`: throws CancelledError where that was asked for.
  void resumed();
  /// After `wait`: throws CancelledError where that was asked for, unless `future` itself was cancelled.
  void resumed_from(FutureCore& future);

  /// The loop closes: destroys the coroutines and everything in them.
  void destroy_pending() noexcept;

  /// The task whose step runs on this thread; null outside of one.
  [[nodiscard]] static TaskCore* current() noexcept;

  void hold(FutureCore&) noexcept final { retain(); }
  void forget() noexcept final {}  // it waits on until the loop destroys it
  void run() final;
  void discard() noexcept final { release(); }

 protected:
  TaskCore(Loop& loop, void* result_slot, std::coroutine_handle<> frame, PromiseBase& promise);
  ~TaskCore() override;

  /// Moves the result from the promise to its slot.
  virtual void adopt_result() = 0;

 private:
  void pass_on_cancel();
  void step();
  void complete();
  void end(std::exception_ptr failure, bool is_cancelled);
  void destroy_frame() noexcept;
  void schedule_step(Loop& home) noexcept;

  std::coroutine_handle<> frame_;
  PromiseBase* promise_;  // Lifetime: inside frame_
  // What the running step resumes next, and what the next step begins with.
  std::coroutine_handle<> next_;
  std::coroutine_handle<> resume_at_;
  Ref<FutureCore> waiting_on_;
  // Asked for, to be delivered with the next step.
  std::exception_ptr pending_cancel_;
  // To be thrown at the await which this step resumes.
  std::exception_ptr injected_;
  std::string name_;
  std::uint64_t number_;
  std::uint32_t cancel_requests_ = 0;
  bool entered_ = false;
};

/// The tasks of one loop that have not ended, its calls to the executor, and the link by which futures find
/// the loop. The loop owns one. Thread: that of the loop.
class TaskRegistry {
 public:
  explicit TaskRegistry(Loop& loop);
  TaskRegistry(const TaskRegistry&) = delete;
  TaskRegistry& operator=(const TaskRegistry&) = delete;
  /// Every future that is left learns that its loop is gone. REQUIRES: `destroy_pending` was called.
  ~TaskRegistry();

  [[nodiscard]] LoopLink& link() const noexcept { return *link_; }

  /// Throws InvalidStateError after `destroy_pending`.
  void add(TaskCore& task);
  void add(ExecutorCall& call) noexcept;

  /// The tasks that are not done, in the order in which they were made.
  [[nodiscard]] std::vector<Ref<TaskCore>> all() const;
  /// Asks all of them to cancel, and returns them.
  std::vector<Ref<TaskCore>> cancel_all();
  /// Destroys the coroutines of all of them, reporting each ("Task was destroyed but it is pending!"), and
  /// lets go of what the executor was asked for. From here on no task can be made. Idempotent.
  void destroy_pending() noexcept;

 private:
  struct Head final : RingLink {};

  Ref<LoopLink> link_;
  Head tasks_;
  Head executor_calls_;
  bool closed_ = false;
};

/// The registry of a loop.
[[nodiscard]] TaskRegistry& task_registry(Loop& loop) noexcept;

/// Destroys a coroutine that was never started and says so in the log: somebody forgot a co_await.
void destroy_never_awaited(std::coroutine_handle<> frame) noexcept;

/// Destroys a coroutine that did not end, for a reason that is known: Tasks in it that were never started are
/// not worth a warning.
void destroy_silently(std::coroutine_handle<> frame) noexcept;

/// Throws InvalidStateError: this coroutine was awaited already, or there is none.
[[noreturn]] void throw_not_awaitable(bool exists);

}  // namespace tidegate::detail
