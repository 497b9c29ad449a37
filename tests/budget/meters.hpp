// What the budget tests measure with: counted system calls that can be made to fail, and counted memory.
#pragma once

#include <cstddef>
#include <functional>

namespace tidegate::budget {

/// The system calls that are watched, by what they are for.
enum class Call {
  epoll_ctl,
  wait,
  send,
  receive,
  accept,
  connect,
  enter,
  send_datagrams,
  receive_datagrams,
  send_file
};
inline constexpr std::size_t kCalls = 10;

/// How often the library made each call since `reset`.
struct CallCounts {
  std::size_t epoll_ctl = 0;
  std::size_t wait = 0;
  std::size_t send = 0;
  std::size_t receive = 0;
  std::size_t accept = 0;
  std::size_t connect = 0;
  /// Calls of liburing that enter the kernel once, or spare it: an upper bound.
  std::size_t enter = 0;
  /// sendto and sendmmsg, recvmmsg: any number of datagrams each.
  std::size_t send_datagrams = 0;
  std::size_t receive_datagrams = 0;
  std::size_t send_file = 0;

  [[nodiscard]] std::size_t all() const noexcept {
    return epoll_ctl + wait + send + receive + accept + connect + enter + send_datagrams + receive_datagrams +
           send_file;
  }
};
[[nodiscard]] CallCounts& calls() noexcept;

/// One call that is about to be made.
struct Attempt {
  Call call;
  int descriptor;
  /// send, receive, send_file: how many bytes at most. May be made smaller, not zero.
  std::size_t size_bytes;
  /// epoll_ctl: EPOLL_CTL_ADD and so on.
  int action;
  /// send_datagrams: how many messages at most, which may be made fewer, not none; and whether the first of
  /// them is a train of several datagrams.
  std::size_t messages = 0;
  bool begins_with_train = false;
};

/// Decides what becomes of a call: 0 lets it be made, anything else is the errno that it fails with.
using Fault = std::function<int(Attempt&)>;

/// Lets `fault` decide while this lives.
class FaultInjection {
 public:
  explicit FaultInjection(Fault fault);
  FaultInjection(const FaultInjection&) = delete;
  FaultInjection& operator=(const FaultInjection&) = delete;
  ~FaultInjection();
};

/// Memory that this thread got from operator new, with what the allocator adds to it.
struct MemoryCounts {
  std::size_t allocations = 0;
  /// May be negative: what one thread got another may give back.
  std::ptrdiff_t live_bytes = 0;
};
[[nodiscard]] MemoryCounts memory() noexcept;

/// What is allocated while this lives is not counted: the program's own objects.
class Uncounted {
 public:
  Uncounted() noexcept;
  Uncounted(const Uncounted&) = delete;
  Uncounted& operator=(const Uncounted&) = delete;
  ~Uncounted();
};

}  // namespace tidegate::budget
