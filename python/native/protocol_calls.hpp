// How a transport calls its Python protocol: in which context, and what becomes of what is raised. Knows no
// bytes, addresses or errors.
#pragma once

#include "entered_context.hpp"
#include "into_python.hpp"
#include "native_loop.hpp"
#include "python.hpp"

namespace tidegate::python {

/// What a protocol raises is thrown, as PythonError, for the core to tell and to act upon; but what is for
/// the program itself (SystemExit, KeyboardInterrupt) ends the loop's run.
///
/// Lifetime: that of its transport's part.
class ProtocolCalls {
 public:
  /// From now on for `loop`, and in a copy of the present context. Throws PythonError.
  void begin(PyObject* loop);

  [[nodiscard]] NativeLoop& loop() const noexcept { return *native_; }
  [[nodiscard]] PyObject* loop_object() const noexcept { return loop_.get(); }
  [[nodiscard]] PyObject* protocol() const noexcept { return protocol_.get(); }
  void set_protocol(PyObject* protocol) { protocol_ = Owned::share(protocol); }

  /// Has `call` call the protocol's method `name`. Null where that was interrupted.
  template <typename Call>
  Owned in_context(PyObject* name, const Call& call) {
    Owned result;
    {
      const EnteredContext context(context_.get());
      const Watch watch(*this, name);
      result = call();
    }
    if (!result) [[unlikely]]
      failed();
    return result;
  }

  /// `protocol.name(argument)`; a null argument is none.
  Owned call(PyObject* name, PyObject* argument);
  /// The same from inside of what the program calls, perhaps in a callback of this very transport: in the
  /// context that there is. What is for the program waits for `none_or_raised`.
  void within_call(PyObject* name, PyObject* argument);

  /// What a method that the program calls returns in the end: None, or what was raised within.
  [[nodiscard]] PyObject* none_or_raised() noexcept {
    if (!raised_within_) [[likely]]
      Py_RETURN_NONE;
    return raise_within();
  }

  /// The first and the last call of a protocol are asyncio's callbacks: what they raise is told as any
  /// callback's.
  void as_a_callback(PyObject* transport, PyObject* name, PyObject* argument);

  /// The exception that is set, of something that need not succeed: for the program, or for nobody.
  void was_in_vain(PyObject* what) const noexcept;

  int traverse(visitproc visit, void* arg) const;
  /// Of the protocol and the context: nothing will be called any more.
  void clear() noexcept;

 private:
  /// In debug mode, has it logged if that takes long.
  class Watch {
   public:
    Watch(const ProtocolCalls& calls, PyObject* name) noexcept
        : calls_(calls), name_(calls.loop().debug() ? name : nullptr) {
      if (name_ != nullptr) [[unlikely]]
        start_seconds_ = calls_.loop().now_seconds();
    }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    ~Watch() {
      if (name_ != nullptr) [[unlikely]]
        calls_.note_time(name_, calls_.loop().now_seconds() - start_seconds_);
    }

   private:
    const ProtocolCalls& calls_;
    PyObject* name_;  // null outside of debug mode
    double start_seconds_ = 0;
  };

  /// Throws what is set, unless it is for the program.
  void failed();
  [[nodiscard]] PyObject* raise_within() noexcept;
  void note_time(PyObject* name, double seconds) const noexcept;

  Owned loop_;
  NativeLoop* native_ = nullptr;  // of that object
  Owned protocol_;
  Owned context_;
  Owned raised_within_;
};

}  // namespace tidegate::python
