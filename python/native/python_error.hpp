// Errors on their way between C++ and Python: a Python exception that passes through C++ code as an
// exception, and what C++ throws as the exception that asyncio would raise.
#pragma once

#include <tidegate/error.hpp>

#include "python.hpp"

#include <exception>

namespace tidegate::python {

/// The exception that is set, put aside while this lives; then it is set again.
class PendingError {
 public:
  PendingError() noexcept { PyErr_Fetch(&type_, &value_, &traceback_); }
  PendingError(const PendingError&) = delete;
  PendingError& operator=(const PendingError&) = delete;
  ~PendingError() { PyErr_Restore(type_, value_, traceback_); }

 private:
  PyObject* type_ = nullptr;
  PyObject* value_ = nullptr;
  PyObject* traceback_ = nullptr;
};

/// Takes the exception that is set, whole: with its traceback. REQUIRES: one is.
[[nodiscard]] Owned take_exception() noexcept;

/// A Python exception that C++ code passes on. Cheap to copy, as exceptions have to be.
/// Thread: one that holds the interpreter's lock, also where a copy goes.
class PythonError final : public std::exception {
 public:
  explicit PythonError(Owned exception) noexcept : exception_(std::move(exception)) {}
  PythonError(const PythonError& other) noexcept : exception_(Owned::share(other.exception_.get())) {}
  PythonError& operator=(const PythonError& other) noexcept {
    exception_ = Owned::share(other.exception_.get());
    return *this;
  }
  ~PythonError() override = default;

  [[nodiscard]] const char* what() const noexcept override { return "an exception of Python's"; }
  [[nodiscard]] PyObject* exception() const noexcept { return exception_.get(); }

 private:
  Owned exception_;
};

/// Throws the exception that is set.
[[noreturn]] void throw_python_error();

/// `exception` for Python: itself where it came from there, else the one that asyncio would raise. REQUIRES:
/// not null. Null, with an exception set, where there is no memory.
[[nodiscard]] Owned exception_for_python(const std::exception_ptr& exception);
/// None where there is no error.
[[nodiscard]] Owned exception_for_python(const Error& reason);

/// Sets what is being handled in a catch block as Python's exception.
void set_exception_being_handled() noexcept;

/// Calls `function`, which returns a PyObject* or an int; what it throws is set, and the value that says so
/// returned.
template <typename Function>
auto guarded(const Function& function) noexcept -> decltype(function()) {
  try {
    return function();
  } catch (...) {
    set_exception_being_handled();
    if constexpr (std::is_pointer_v<decltype(function())>) {
      return nullptr;
    } else {
      return -1;
    }
  }
}

}  // namespace tidegate::python
