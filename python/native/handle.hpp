// asyncio's Handle and TimerHandle, natively: a callback on its way through the loop's ready queue or its
// timers, linked in as it is. Knows no transports.
#pragma once

#include "extended_type.hpp"
#include "loop/timer_queue.hpp"
#include "python.hpp"

#include <cstddef>

namespace tidegate::python {

class NativeLoop;

/// What a call is made of, as a Python function is given it by `loop.call_soon(callback, *args,
/// context=None)`.
struct CallTerms {
  PyObject* callback = nullptr;
  PyObject* const* arguments = nullptr;
  Py_ssize_t argument_count = 0;
  /// Null or None: a copy of the present one.
  PyObject* context = nullptr;
};

/// Our part of a Handle. The other attributes are where asyncio.Handle has them: so what is written in Python
/// there (its repr, debugging) goes for ours as well.
///
/// An empty context is made when the callback is called, and not before: most wait for that in thousands.
///
/// It is a timer's node in both cases; a Handle is one whose time does not matter.
class HandlePart final : public detail::TimerNode {
 public:
  enum class Kind : bool { handle, timer_handle };

  HandlePart(Kind kind, TimePoint when) noexcept : TimerNode(when), kind_(kind) {}

  /// From the ready queue, which lets go of its reference.
  void run() override;
  void discard() noexcept override;

  /// Calls the callback, unless it was cancelled. The caller holds a reference.
  void call();

  void cancel();
  [[nodiscard]] bool cancelled() const noexcept;
  /// REQUIRES: `handle` is one of ours.
  [[nodiscard]] static HandlePart& of(PyObject* handle) noexcept;

  /// The collector is not told of the context that was made for it either, before it leaves the queue. For
  /// what may wait in thousands, which another thread schedules. REQUIRES: nobody else has the context.
  void hide_context() noexcept;

  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  [[nodiscard]] PyObject* object() const noexcept;

  // --- for the type's slots ------------------------------------------------------------------------

  /// What asyncio has in `_context`. Null with an exception set where there is no memory.
  [[nodiscard]] PyObject* context();
  /// What asyncio has in `_args`: a tuple, None once cancelled. Null with an exception set where that fails.
  [[nodiscard]] PyObject* arguments_as_tuple() const;
  bool set_up(PyObject* loop, const CallTerms& terms);
  int traverse(visitproc visit, void* arg) const;
  int traverse_context(visitproc visit, void* arg) const;
  /// For whoever holds it in a queue.
  int traverse_queued(visitproc visit, void* arg) const;
  void clear() noexcept;

 private:
  void leave_queue() noexcept;

  static constexpr Py_ssize_t kInlineArguments = 3;

  /// Where its attributes are is the object's; and the vectorcall of a bound method puts itself before the
  /// first argument, for which there is room.
  PyObject* arguments_[1 + kInlineArguments] = {};
  Py_ssize_t argument_count_ = 0;
  NativeLoop* loop_ = nullptr;  // whose object is among the attributes
  const Kind kind_;
  bool context_is_hidden_ = false;
  bool context_was_seen_ = false;  // and may not be another's later
};

/// Makes the types, before anything else here. False with an exception set.
[[nodiscard]] bool prepare_handles(PyObject* module);

/// A new Handle or TimerHandle of `loop`; null with an exception set. The garbage collector is not told of
/// it, unless it is kept when it has left its queue.
[[nodiscard]] HandlePart* new_handle(PyObject* loop, const CallTerms& terms);
[[nodiscard]] HandlePart* new_timer_handle(PyObject* loop, TimePoint when, PyObject* when_seconds,
                                           const CallTerms& terms);

}  // namespace tidegate::python
