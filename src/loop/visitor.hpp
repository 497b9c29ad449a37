// What is open on a loop, as the loop sees it. Knows nothing of what it is.
#pragma once

#include <tidegate/detail/ready.hpp>

#include "base/intrusive_list.hpp"

#include <cstdint>

namespace tidegate::loop {

class ResidentTag;
class VisitorTag;

/// Something that is open on a loop and has to be told when the loop closes over it (contract L10).
class Resident : public base::ListNode<ResidentTag> {
 public:
  /// Let go of everything, without calling the user; what has to complete first may do so later.
  virtual void loop_closed() noexcept = 0;

 protected:
  ~Resident() = default;
};

/// A visitor's place in the queue of those to be flushed, which only the queue touches.
class FlushPlace {
 public:
  FlushPlace() noexcept = default;
  FlushPlace(const FlushPlace&) = delete;
  FlushPlace& operator=(const FlushPlace&) = delete;

  [[nodiscard]] bool awaits_flush() const noexcept { return place_ != kNone; }

 private:
  friend class FlushQueue;
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  std::uint32_t place_ = kNone;
};

/// A connection as the loop sees it: it can be told to come round, and to send what it holds. One interface
/// for all of that, because every idle connection carries its table pointer and its links.
class Visitor : public detail::ReadyNode, public base::ListNode<VisitorTag>, public FlushPlace {
 public:
  /// Send what was written and has to leave before the loop blocks (contract W6). Called once per
  /// `flush_soon`.
  virtual void flush() = 0;
  /// As Resident's. Whoever has it in a list calls it: the loop, or the resident that it belongs to.
  virtual void loop_closed() noexcept = 0;

 protected:
  ~Visitor() = default;
};

}  // namespace tidegate::loop
