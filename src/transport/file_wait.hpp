// What whoever sends a file over a transport waits for. Knows no files and no transports.
#pragma once

#include <tidegate/error.hpp>
#include <tidegate/future.hpp>
#include <tidegate/loop.hpp>

#include <exception>
#include <system_error>
#include <utility>

namespace tidegate::transport {

/// One thing at a time, and none comes to pass any more once the connection has ended.
class FileWait {
 public:
  /// Begins to wait. Whoever does so may give up, by cancelling it.
  [[nodiscard]] Future<void> begin(Loop& loop) {
    waiting_ = loop.create_future();
    waiting_.core()->silence();  // who waits may be cancelled while a failure is on its way
    const Future<void> begun = waiting_;
    if (failure_ != nullptr) fail(failure_);
    return begun;
  }

  /// Whether somebody waits, and has not given up.
  [[nodiscard]] bool is_pending() const noexcept { return waiting_ && !waiting_.done(); }

  /// What is waited for, if anything is, has come to pass.
  void succeed() {
    if (is_pending()) waiting_.set_result();
    waiting_ = Future<void>();
  }
  /// And now never will.
  void fail(std::exception_ptr failure) {
    if (is_pending()) waiting_.set_exception(std::move(failure));
    waiting_ = Future<void>();
  }

  /// The connection ends for that reason; none: it was closed.
  void connection_ends(const Error& reason) {
    const Error closed(std::make_error_code(std::errc::connection_aborted), "sendfile");
    failure_ = (reason ? reason : closed).exception();
    fail(failure_);
  }
  /// Throws what that has left.
  void check_connection() const {
    if (failure_ != nullptr) std::rethrow_exception(failure_);
  }

  /// Nobody waits, and nothing has happened.
  void reset() noexcept { *this = FileWait(); }

 private:
  Future<void> waiting_;  // none where nobody waits
  std::exception_ptr failure_;
};

}  // namespace tidegate::transport
