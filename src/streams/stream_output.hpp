// What a StreamWriter writes to: the transport, and the tasks that wait for it to drain or to end.
#pragma once

#include <tidegate/error.hpp>
#include <tidegate/future.hpp>
#include <tidegate/protocol.hpp>
#include <tidegate/transport.hpp>

#include <exception>
#include <memory>
#include <vector>

namespace tidegate::detail {

class StreamInput;

/// The outgoing half of a stream, or of a pipe to a child.
class StreamOutput {
 public:
  /// `input`: the other half of the same stream; null where there is none. Lifetime: as this.
  explicit StreamOutput(StreamInput* input) noexcept : input_(input) {}
  StreamOutput(const StreamOutput&) = delete;
  StreamOutput& operator=(const StreamOutput&) = delete;

  // --- what the transport does -------------------------------------------------------------------

  void attach(TransportRef transport) noexcept { transport_ = std::move(transport); }
  void pause() noexcept { paused_ = true; }
  void resume();
  /// The connection has ended; `exception` is null where that was in order.
  void lost(std::exception_ptr exception);

  // --- what the writer does ----------------------------------------------------------------------

  [[nodiscard]] const TransportRef& transport() const noexcept { return transport_; }
  [[nodiscard]] StreamInput* input() const noexcept { return input_; }
  /// See StreamWriter. `self` is what keeps this alive.
  [[nodiscard]] Future<void> drain(const std::shared_ptr<StreamOutput>& self);
  [[nodiscard]] Future<void> wait_closed();

 private:
  void settle_drained(const Future<void>& future);
  [[nodiscard]] Future<void> done_already();
  [[nodiscard]] Future<void> new_future() const;

  TransportRef transport_;
  StreamInput* input_;
  std::exception_ptr exception_;
  // Each task has a future of its own: cancelling one must not cancel the others.
  std::vector<Future<void>> draining_;
  std::vector<Future<void>> closing_;
  Future<void> done_;  // is so from the beginning: most drains have nothing to wait for
  bool paused_ = false;
  bool lost_ = false;
};

}  // namespace tidegate::detail
