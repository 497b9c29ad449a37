// The reading half of a stream in a play: asks for what comes in every way there is, gives up, comes back,
// and compares. Knows no writers.
#pragma once

#include <tidegate/tidegate.hpp>

#include "sim/flow.hpp"
#include "sim/stage.hpp"

#include <cstddef>
#include <exception>
#include <optional>
#include <string>
#include <vector>

namespace tidegate::workload {

class Listener {
 public:
  /// How much of what it is told to read arrives in what way is drawn from the play's chance. Lifetime: the
  /// play's.
  Listener(Stage& stage, unsigned number, std::size_t limit) noexcept
      : stage_(stage), number_(number), limit_(limit) {}
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// Exactly that much, as the first thing.
  [[nodiscard]] Task<std::string> read_first(StreamReader reader, std::size_t size_bytes);
  /// Everything there is, or until the play nears its end; throws what the connection fails with. `flow` is
  /// what the other end writes.
  [[nodiscard]] Task<> listen(StreamReader reader, Flow& flow);
  /// Tries to read as well, which nobody may while somebody waits.
  [[nodiscard]] Task<> disturb(StreamReader reader);

  /// The stream has come to its end in order, and everything that was read of it could be compared.
  [[nodiscard]] bool has_heard_all() const noexcept { return is_at_end_ && !has_lost_place_; }
  /// The largest read so far: that much is held for it, whatever the limit.
  [[nodiscard]] std::size_t most_asked_bytes() const noexcept { return most_asked_bytes_; }

 private:
  enum class Kind {
    some,
    exactly,
    until,
    until_any,
    line,
    view,
    exactly_view,
    line_view,
    into,
    exactly_into,
    all
  };
  static constexpr std::size_t kKinds = 11;

  /// One read: what is asked for, and what came of it.
  struct Read {
    Kind kind = Kind::some;
    std::size_t count = 0;
    std::string separator;
    std::optional<Duration> limit;
    std::string got;
    std::exception_ptr failure;
  };

  [[nodiscard]] Read next_read();
  [[nodiscard]] Task<> carry_out(StreamReader reader, Read& read);
  [[nodiscard]] Task<std::string> begin(StreamReader reader, const Read& read) const;
  [[nodiscard]] static Task<std::string> view_of(StreamReader reader, const Read& read);
  [[nodiscard]] static Task<std::string> into_memory(StreamReader reader, const Read& read);
  void check(const Read& read, Flow& flow);
  void check_result(const Read& read, Flow& flow);
  void check_separator(const Read& read);
  void check_incomplete(const Read& read, const IncompleteReadError& error, Flow& flow);
  void found_again(const Read& read, Flow& flow);
  void compare(BytesView bytes, Flow& flow);
  void fault(const std::string& what) { stage_.diary.fault(number_, what); }

  Stage& stage_;
  unsigned number_;
  std::size_t limit_;
  /// What may be read next, after a LimitOverrunError.
  std::optional<std::size_t> consumed_;
  bool is_reading_ = false;
  /// A line was dropped, and nobody says how much of it.
  bool has_lost_place_ = false;
  bool is_at_end_ = false;
  /// What the connection was cut with: what has arrived can still be read.
  bool was_cut_ = false;
  unsigned reads_ = 0;
  std::size_t most_asked_bytes_ = 0;
};

}  // namespace tidegate::workload
