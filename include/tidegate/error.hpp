// Errors: the small value that a protocol is given, and the exceptions that calls throw.
#pragma once

#include <tidegate/endpoint.hpp>

#include <cstddef>
#include <exception>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

namespace tidegate {

/// Why a connection ended: nothing (a regular end), an error of the operating system together with what was
/// being done, or the very exception that a callback threw (contract L3, L7). Cheap to pass; copies share
/// what they hold.
class Error {
 public:
  /// No error.
  Error() noexcept = default;

  /// An error code, and what was attempted. `attempted` is kept as a pointer.
  /// Lifetime: `attempted` must be a literal or live as long.
  explicit Error(std::error_code code, const char* attempted = "") noexcept
      : code_(code), attempted_(attempted) {}

  /// Exactly this exception. A std::system_error's code is also found by `code()`.
  explicit Error(std::exception_ptr exception);

  /// True where there is an error.
  explicit operator bool() const noexcept { return static_cast<bool>(code_) || exception_ != nullptr; }

  /// The operating system's or a library's code; empty for no error and for exceptions without one.
  [[nodiscard]] std::error_code code() const noexcept { return code_; }

  /// What was attempted, for people: "recv", "send". Empty where unknown.
  [[nodiscard]] const char* attempted() const noexcept { return attempted_; }

  /// The exception: the original one, or a std::system_error made from the code; null for no error.
  [[nodiscard]] std::exception_ptr exception() const;

  /// Throws `exception()`. REQUIRES: there is an error.
  [[noreturn]] void raise() const;

  /// One line for people; "no error" for none.
  [[nodiscard]] std::string message() const;

 private:
  std::error_code code_;
  const char* attempted_ = "";
  std::exception_ptr exception_;
};

/// One line that describes an exception for people: its `what()`, or the kind of thing that was thrown.
[[nodiscard]] std::string describe(const std::exception_ptr& exception);

/// A call to the operating system failed; `what()` says what was attempted and on what (an address, a file).
class OsError : public std::system_error {
 public:
  /// `attempted` as in "bind tcp 127.0.0.1:80".
  OsError(std::error_code code, const std::string& attempted) : std::system_error(code, attempted) {}
};

/// A host or service name could not be resolved. The category of `code()` is `resolver_category()`.
class ResolveError : public OsError {
 public:
  using OsError::OsError;
};

/// getaddrinfo's error numbers (EAI_...) with gai_strerror's texts.
[[nodiscard]] const std::error_category& resolver_category() noexcept;

/// One address that was tried in vain.
struct FailedAttempt {
  Endpoint endpoint;
  std::error_code code;
};

/// None of the addresses of a host could be connected to: `what()` names every one with its error, `code()`
/// is the error of all where they agree and of the first otherwise (contract C3).
class ConnectError : public OsError {
 public:
  /// REQUIRES: `attempts` is not empty.
  ConnectError(const std::string& target, std::vector<FailedAttempt> attempts);

  /// Every address tried, in the order of the attempts.
  [[nodiscard]] const std::vector<FailedAttempt>& attempts() const noexcept { return attempts_; }

 private:
  std::vector<FailedAttempt> attempts_;
};

/// An operation does not fit the present state: a result asked for too early, a loop that is closed, a write
/// after write_eof. The counterpart of asyncio's InvalidStateError and RuntimeError.
class InvalidStateError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

/// This transport can't do that (NotImplementedError's counterpart).
class NotSupportedError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

/// `Loop::sendfile` was told not to fall back on reading and writing, and this transport or this file needs
/// it (contract N1).
class SendfileNotAvailableError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A deadline passed: what `wait_for` and `timeout` throw.
class TimeoutError : public std::runtime_error {
 public:
  TimeoutError() : std::runtime_error("timed out") {}
  using std::runtime_error::runtime_error;
};

/// Thrown at the await of a task that was cancelled. Deliberately not a std::exception, as asyncio's is not
/// an `Exception`: a `catch (const std::exception&)` around an await must not swallow the request to stop.
class CancelledError {
 public:
  CancelledError() = default;
  /// `reason`: what `cancel(reason)` was given.
  explicit CancelledError(std::string reason) : reason_(std::move(reason)) {}
  [[nodiscard]] const std::string& reason() const noexcept { return reason_; }

 private:
  std::string reason_;
};

/// Several tasks of a group failed: what TaskGroup throws.
class ExceptionGroup : public std::runtime_error {
 public:
  ExceptionGroup(const std::string& message, std::vector<std::exception_ptr> exceptions);

  /// In the order in which the tasks failed.
  [[nodiscard]] const std::vector<std::exception_ptr>& exceptions() const noexcept { return exceptions_; }

 private:
  std::vector<std::exception_ptr> exceptions_;
};

}  // namespace tidegate
