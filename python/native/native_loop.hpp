// What is native of a loop: its callbacks, timers and watches on the C++ core. The class `tidegate.Loop`,
// written in Python, derives from this and from asyncio's own loop, whose methods these take the place of.
#pragma once

#include <tidegate/loop.hpp>

#include "bytes_to_fill.hpp"
#include "exported_buffer.hpp"
#include "handle.hpp"
#include "loop/loop_core.hpp"
#include "python.hpp"
#include "python_error.hpp"
#include "watched_descriptors.hpp"

#include <memory>
#include <unordered_map>

namespace tidegate::python {

/// A loop's native half.
///
/// Thread: its loop's, with the interpreter's lock held; the lock is let go of only while the loop sleeps.
class NativeLoop final : private loop::SleepObserver {
 public:
  explicit NativeLoop(PyObject* object) noexcept : object_(object), watched_(*this) {}
  NativeLoop(const NativeLoop&) = delete;
  NativeLoop& operator=(const NativeLoop&) = delete;
  ~NativeLoop();

  /// The native half of a `tidegate.Loop`; null for any other object.
  [[nodiscard]] static NativeLoop* of(PyObject* object) noexcept;
  /// The same of what is known to be one.
  [[nodiscard]] static NativeLoop& of_loop(PyObject* loop) noexcept;
  /// The other way round.
  [[nodiscard]] PyObject* object() const noexcept { return object_; }

  /// Makes the core. Throws as Loop.
  void open(BackendKind backend);
  [[nodiscard]] bool is_opened() const noexcept { return static_cast<bool>(loop_); }
  /// Lets go of everything that waits, when Python's half is closed. Also where it was never opened.
  void close();

  /// REQUIRES: it was opened.
  [[nodiscard]] loop::LoopCore& core() const noexcept { return loop_->core(); }
  [[nodiscard]] Loop& loop() const noexcept { return *loop_; }
  [[nodiscard]] WatchedDescriptors& watched() noexcept { return watched_; }
  /// Whose descriptor is whose: the Python objects of open transports, borrowed.
  [[nodiscard]] std::unordered_map<int, PyObject*>& transports() noexcept { return transports_; }
  [[nodiscard]] bool has_transport(int descriptor) const noexcept { return transports_.contains(descriptor); }
  /// The protocol's buffer that is lent to the kernel's next receive, which is a call that is over when
  /// anything else happens: where it received nothing, nobody tells.
  ExportedBuffer lent_buffer;
  /// What the next large receive fills, for a protocol that wants `bytes`.
  BytesToFill bytes_to_fill;

  /// {"loop": this one}, with which futures are made; borrowed. Null with an exception set.
  [[nodiscard]] PyObject* terms_of_futures();

  /// An empty context, new or as good as that; null with an exception set.
  [[nodiscard]] PyObject* take_empty_context() noexcept {
    return empty_context_ ? empty_context_.release() : PyContext_New();
  }
  /// One for the next to take. REQUIRES: it is empty, and nobody else has it.
  void keep_empty_context(Owned context) noexcept { empty_context_ = std::move(context); }

  /// Asyncio's debug mode, of which C++ need not know.
  [[nodiscard]] bool debug() const noexcept { return debug_; }
  [[nodiscard]] double now_seconds() const noexcept;

  /// Puts `handle`, with a reference of its own, into the ready queue. Thread: any that holds the
  /// interpreter's lock, which is the queue's lock as well: the loop lets go of it only to sleep.
  void schedule_from_any_thread(HandlePart& handle) noexcept {
    core().schedule(handle);
    if (!asleep_ || woken_) return;
    woken_ = true;
    core().backend().wake();
  }

  /// Sets RuntimeError and returns false where it is closed.
  [[nodiscard]] bool check_open() const noexcept;

  // --- what handles tell ---------------------------------------------------------------------------

  /// The callback of `handle` has raised what is set.
  void handle_failed(PyObject* handle);
  void call_in_debug_mode(PyObject* handle);

  // --- errors --------------------------------------------------------------------------------------

  /// The exception that is set is told to the loop's exception handler, or ends the run where it is one that
  /// is for the program (SystemExit, KeyboardInterrupt). `transport` and `protocol` may be null.
  void report(const char* message, PyObject* transport, PyObject* protocol) noexcept;
  /// The same of `exception`.
  void report(const char* message, Owned exception, PyObject* transport, PyObject* protocol) noexcept;
  /// Ends the run with the exception that is set.
  void interrupt() noexcept;
  /// Whether what is set is for the program, and for nobody in between.
  [[nodiscard]] static bool is_for_the_program() noexcept;
  /// The same of `exception`: it, or its type. False for null.
  [[nodiscard]] static bool is_for_the_program(PyObject* exception) noexcept;

  // --- for the type --------------------------------------------------------------------------------

  [[nodiscard]] PyObject* run() noexcept;
  void stop() noexcept;
  int traverse(visitproc visit, void* arg) const;

  bool debug_ = false;
  bool closed_ = true;  // until it is opened
  bool stopping_ = false;

 private:
  void falls_asleep() noexcept override;
  void wakes_up() noexcept override;
  void tell_exception(const ExceptionContext& context) noexcept;

  PyObject* object_;
  std::unique_ptr<Loop> loop_;
  WatchedDescriptors watched_;
  std::unordered_map<int, PyObject*> transports_;
  PyThreadState* thread_state_ = nullptr;  // while it sleeps
  bool asleep_ = false;                    // or just about to be: nobody else has held the lock since
  bool woken_ = false;                     // and has been told; it may have to wait for the lock
  Owned interruption_;                     // what ends the run
  Owned empty_context_;
  Owned terms_of_futures_;  // made once; a cycle until it is closed
};

/// Makes the type. False with an exception set.
[[nodiscard]] bool prepare_loop(PyObject* module);

}  // namespace tidegate::python
