// How a run goes, on one line of a terminal, while it goes.
#pragma once

#include <tidegate/handle.hpp>

#include "bench/session.hpp"
#include "live_line.hpp"

#include <memory>
#include <string>

namespace tidegate::cli::bench {

/// Redraws the line four times a second for as long as it lives, then clears it. Where nobody watches it does
/// nothing.
///
/// Lifetime: shorter than the loop's.
class LiveView {
 public:
  LiveView(std::shared_ptr<Session> session, bool is_visible);
  LiveView(const LiveView&) = delete;
  LiveView& operator=(const LiveView&) = delete;
  ~LiveView() { timer_.cancel(); }

 private:
  void draw_again_later();
  [[nodiscard]] std::string text();
  [[nodiscard]] std::string text_before_the_beginning() const;
  [[nodiscard]] std::string recent_numbers();

  std::shared_ptr<Session> session_;
  LiveLine line_;
  TimerHandle timer_;
  TimePoint drawn_;
};

}  // namespace tidegate::cli::bench
