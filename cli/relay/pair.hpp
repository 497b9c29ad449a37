// Two ends that feed each other: who is paused for whom, what an end of file means for the other way, and
// when both are done. Knows neither sockets nor the loop.
#pragma once

#include <tidegate/bytes.hpp>
#include <tidegate/error.hpp>

#include "relay/side.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

namespace tidegate::cli::relay {

/// Which of the two.
enum class End : std::uint8_t { from, to };

[[nodiscard]] constexpr End other(End end) noexcept { return end == End::from ? End::to : End::from; }

/// What the way that begins at one end has come to.
struct WayFigures {
  std::uint64_t bytes = 0;
  /// Of those, what nobody could be given.
  std::uint64_t dropped_bytes = 0;
  /// Of those, what the other end would have taken later, had it been possible to wait.
  std::uint64_t overrun_bytes = 0;
  /// The write buffer at the other end.
  Level level = {};
  /// Whether the end that it begins at is not being read because of that.
  bool paused = false;
};

/// The rules:
/// - an end is read while the other one is there and has room;
/// - an end of file is passed on, and the other way goes on;
/// - where an end can only end as a whole, TO is left to finish its answer, and FROM, which has got all of
///   its own, is closed;
/// - when both ways are over, both ends are closed;
/// - when an end has gone, the other one gets what was read already, and is closed;
/// - when it has gone in the middle, the other one must not take that for all, and is cut.
class Pair {
 public:
  /// What ended an end other than in order.
  struct Failure {
    End end;
    Error reason;
  };

  /// `on_gone` is called each time an end has gone.
  explicit Pair(std::function<void()> on_gone) : on_gone_(std::move(on_gone)) {}
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

  /// The end is there. It is not read before the other one is, too.
  void join(End end, std::shared_ptr<Side> side);

  // --- what happens to an end --------------------------------------------------------------------

  void bytes_came(End end, BytesView data);
  /// What came was lost, because nobody had room and the end can't be paused.
  void overran(End end, std::size_t size_bytes) noexcept;
  /// Nothing more will come from it.
  void ended(End end);
  /// Nothing more can be sent to it, though something may come from it. What is meant for it is dropped from
  /// now on.
  void takes_no_more(End end);
  /// Its write buffer is over its high mark.
  void full(End end);
  /// Its write buffer has drained.
  void has_room(End end);
  /// It is no more; `reason` is empty where that is as it should be. The last thing to happen to it.
  void gone(End end, const Error& reason);
  /// The same of one whose peer would have said that it has sent all, and has not.
  void gone_in_the_middle(End end, const Error& reason);

  // --- what is asked of both ---------------------------------------------------------------------

  /// Both ends get what was read already, and end.
  void close();
  void abort();

  /// Whether no end is there: none has come yet, or all have gone.
  [[nodiscard]] bool is_empty() const noexcept;
  /// Nobody is told of anything any more.
  void forget_listener() noexcept { on_gone_ = nullptr; }
  [[nodiscard]] bool is_gone(End end) const noexcept { return at(end).is_gone; }
  /// The first, where there was any.
  [[nodiscard]] const std::optional<Failure>& failure() const noexcept { return failure_; }
  /// Of the way that begins at `end`.
  [[nodiscard]] WayFigures figures(End end) const noexcept;

 private:
  struct Half {
    std::shared_ptr<Side> side;  // while it is there
    std::uint64_t bytes = 0;
    std::uint64_t dropped_bytes = 0;
    std::uint64_t overrun_bytes = 0;
    bool has_joined = false;
    bool input_is_over = false;
    bool takes_bytes = false;
    bool was_lost = false;  // it took bytes and does not any more: whatever comes for it is for nobody
    bool is_full = false;
    bool is_paused = true;
    bool is_gone = false;
  };

  [[nodiscard]] Half& at(End end) noexcept { return halves_[static_cast<std::size_t>(end)]; }
  [[nodiscard]] const Half& at(End end) const noexcept { return halves_[static_cast<std::size_t>(end)]; }
  [[nodiscard]] bool is_complete() const noexcept { return at(End::from).side && at(End::to).side; }
  [[nodiscard]] bool is_over(End begins_at) const noexcept;
  void decide_reading(End end);
  void pass_on_end(End end);
  void close_if_over();
  void forget(End end, const Error& reason);

  std::array<Half, 2> halves_;
  std::function<void()> on_gone_;
  std::optional<Failure> failure_;
  bool is_closing_ = false;
};

/// The end of a pair that a side speaks for.
struct PairEnd {
  std::shared_ptr<Pair> pair;
  End end = End::from;

  void bytes_came(BytesView data) const { pair->bytes_came(end, data); }
  void overran(std::size_t size_bytes) const noexcept { pair->overran(end, size_bytes); }
  void ended() const { pair->ended(end); }
  void takes_no_more() const { pair->takes_no_more(end); }
  void full() const { pair->full(end); }
  void has_room() const { pair->has_room(end); }
  void gone(const Error& reason) const { pair->gone(end, reason); }
  void gone_in_the_middle(const Error& reason) const { pair->gone_in_the_middle(end, reason); }
};

}  // namespace tidegate::cli::relay
