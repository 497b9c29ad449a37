// The tide made visible: how the connections of a relay go, while they go.
#pragma once

#include <tidegate/handle.hpp>
#include <tidegate/loop.hpp>

#include "relay/live_block.hpp"
#include "relay/pair.hpp"
#include "relay/tide_text.hpp"

#include <cstdint>
#include <map>
#include <string>

namespace tidegate::cli::relay {

/// A line for each connection on standard error: redrawn in place four times a second on a terminal, added
/// each second elsewhere. Where nobody asked for it, it only passes on what is printed.
///
/// Lifetime: shorter than the loop's.
class TideView {
 public:
  TideView(Loop& loop, bool is_wanted);
  TideView(const TideView&) = delete;
  TideView& operator=(const TideView&) = delete;
  ~TideView() { timer_.cancel(); }

  /// Lifetime: `pair` until `remove`.
  void add(std::uint64_t number, const Pair& pair);
  void remove(std::uint64_t number);

  /// A line of the log, which does not mix with what is drawn.
  void print(const std::string& line);
  void print_problem(const std::string& line);

 private:
  struct Watched {
    const Pair* pair = nullptr;
    std::uint64_t out_bytes = 0;  // when it was last looked at
    std::uint64_t back_bytes = 0;
  };

  void show_again_later();
  void show();
  [[nodiscard]] static TideReading read(std::uint64_t number, Watched& watched, double seconds);

  Loop& loop_;
  bool is_wanted_;
  bool is_terminal_;
  LiveBlock block_;
  std::map<std::uint64_t, Watched> watched_;
  TimerHandle timer_;
  TimePoint shown_;
};

}  // namespace tidegate::cli::relay
