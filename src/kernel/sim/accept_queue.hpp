// The connections that wait at a listener. Knows nothing of how they come about.
#pragma once

#include "kernel/sim/connection.hpp"

#include <cstddef>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace tidegate::kernel::sim {

class AcceptQueue {
 public:
  /// Lifetime: `options`, the listener's, as long.
  AcceptQueue(const SocketOptions& options, int backlog) noexcept : options_(options) {
    set_backlog(backlog);
  }
  AcceptQueue(const AcceptQueue&) = delete;
  AcceptQueue& operator=(const AcceptQueue&) = delete;
  /// Nobody is going to accept these any more: their other ends are told.
  ~AcceptQueue() {
    for (const auto& connection : waiting_) connection->abort(Side::accepted);
  }

  /// As listen(2), also for one that listens already.
  void set_backlog(int backlog) noexcept {
    constexpr std::size_t kMost = 4096;  // net.core.somaxconn
    backlog_ = backlog < 0 || std::size_t{static_cast<unsigned>(backlog)} > kMost
                   ? kMost
                   : std::size_t{static_cast<unsigned>(backlog)};
  }
  [[nodiscard]] const SocketOptions& options() const noexcept { return options_; }

  [[nodiscard]] bool empty() const noexcept { return waiting_.empty(); }
  /// As Linux, which takes one more than the backlog says.
  [[nodiscard]] bool is_full() const noexcept { return waiting_.size() + expected_ > backlog_; }
  /// Keeps a place for a connection that is on its way; false: there is none, or no memory.
  [[nodiscard]] bool keep_place() noexcept {
    if (is_full()) return false;
    try {
      waiting_.reserve(waiting_.size() + expected_ + 1);
    } catch (const std::bad_alloc&) {
      return false;
    }
    ++expected_;
    return true;
  }
  void give_back_place() noexcept { --expected_; }
  /// REQUIRES: a place was kept for it.
  void push(std::shared_ptr<Connection> connection) noexcept {
    --expected_;
    waiting_.push_back(std::move(connection));
  }
  /// REQUIRES: not empty.
  [[nodiscard]] const std::shared_ptr<Connection>& front() const noexcept { return waiting_.front(); }
  void pop_front() noexcept { waiting_.erase(waiting_.begin()); }

 private:
  const SocketOptions& options_;
  std::size_t backlog_ = 0;
  std::size_t expected_ = 0;
  std::vector<std::shared_ptr<Connection>> waiting_;
};

}  // namespace tidegate::kernel::sim
