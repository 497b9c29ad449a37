// How the parts of the library that are templates put themselves into a loop's ready queue. Not for users.
#pragma once

namespace tidegate {
class Loop;
}

namespace tidegate::detail {

class ReadyNode;

/// A node's place in the queue, which only the queue touches.
class ReadyLink {
 public:
  ReadyLink() noexcept = default;
  ReadyLink(const ReadyLink&) = delete;
  ReadyLink& operator=(const ReadyLink&) = delete;

 private:
  friend class ReadyQueue;
  ReadyNode* next_ = nullptr;
};

/// Something that can wait in the ready queue of one loop: linked in, not allocated.
class ReadyNode : public ReadyLink {
 public:
  /// Called by the loop once per `schedule`. What it throws is reported to the loop's exception handler.
  virtual void run() = 0;
  /// Called instead of `run` when the loop is closed while this is still queued: let go of what is held.
  virtual void discard() noexcept = 0;

 protected:
  ~ReadyNode() = default;
};

/// Queues `node` behind everything that is ready; it runs in the loop's next iteration (contract E1).
/// Lifetime: `node` stays until it has run or was discarded. REQUIRES: it is not queued already.
/// Thread: the loop's.
void schedule(Loop& loop, ReadyNode& node) noexcept;

/// In debug mode, throws InvalidStateError on any thread but the one that runs `loop` (contract E3).
void check_thread(const Loop& loop);

}  // namespace tidegate::detail
