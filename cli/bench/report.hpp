// What a run has found out, as it is told to others.
#pragma once

#include "bench/failures.hpp"
#include "bench/measurement.hpp"
#include "bench/options.hpp"
#include "bench/session.hpp"

#include <optional>
#include <string>

namespace tidegate::cli::bench {

struct Report {
  Options options;
  std::string backend;
  /// Why this is not the backend that was asked for; empty where it is.
  std::string refusal;
  /// How long it was measured; less than the options say where the run ended early.
  Seconds time{};
  Tally tally;
  Failures failures;
  /// With Mode::idle only.
  std::optional<Holding> holding;
  /// Somebody ended it.
  bool interrupted = false;

  [[nodiscard]] double messages_per_second() const noexcept {
    return per_second(static_cast<double>(tally.messages));
  }
  /// 10^6 bytes each.
  [[nodiscard]] double megabytes_per_second() const noexcept {
    return per_second(static_cast<double>(tally.bytes) / 1e6);
  }

 private:
  [[nodiscard]] double per_second(double amount) const noexcept {
    return time.count() > 0 ? amount / time.count() : 0;
  }
};

}  // namespace tidegate::cli::bench
