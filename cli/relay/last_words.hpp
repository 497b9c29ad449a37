// Whether the peer of a connection that is about to end has everything that it was sent: the kernel does not
// tell by itself.
#pragma once

#include <tidegate/handle.hpp>
#include <tidegate/transport.hpp>

#include <cstddef>
#include <functional>

namespace tidegate::cli::relay {

/// Calls back once the peer has taken all, or has taken nothing for some seconds. Until then what comes is
/// still read: a peer that waits for that would not take the rest, and a connection that is closed over what
/// was not read is reset, with all that is under way.
///
/// Lifetime: shorter than the loop's.
class LastWords {
 public:
  /// Nothing is written from here on. The owner passes `resume_writing` on to `look`.
  LastWords(TransportRef transport, std::function<void()> on_taken);
  LastWords(const LastWords&) = delete;
  LastWords& operator=(const LastWords&) = delete;
  ~LastWords() { next_look_.cancel(); }

  /// Calls back now or later; also from inside.
  void look();
  /// What the kernel has taken arrives even if the connection is closed: the peer sends no more.
  void trust_the_kernel() noexcept { trusts_the_kernel_ = true; }

 private:
  TransportRef transport_;
  std::function<void()> on_taken_;
  TimerHandle next_look_;
  TimePoint last_progress_;
  std::size_t untaken_bytes_ = 0;
  bool trusts_the_kernel_ = false;
};

/// Ends the connection at once, and not like one that has ended in order: over TCP with a reset, over TLS
/// without a close_notify. A Unix socket knows no such difference.
void cut_off(Transport& transport);

}  // namespace tidegate::cli::relay
