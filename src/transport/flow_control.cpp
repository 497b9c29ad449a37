// How the marks of flow control follow from what is given. No system calls.
#include "transport/flow_control.hpp"

#include <limits>
#include <stdexcept>

#include <fmt/format.h>

namespace tidegate::transport {

namespace {

std::size_t default_high(std::optional<std::size_t> low) noexcept {
  if (!low.has_value()) return FlowControl::kDefaultHighBytes;
  constexpr std::size_t kLargest = std::numeric_limits<std::size_t>::max();
  // A wrapped product would be smaller than `low` itself; the largest size means "never pause" as well.
  return *low > kLargest / FlowControl::kHighPerLow ? kLargest : *low * FlowControl::kHighPerLow;
}

}  // namespace

void FlowControl::set_limits(std::optional<std::size_t> high, std::optional<std::size_t> low) {
  const std::size_t new_high = high.has_value() ? *high : default_high(low);
  const std::size_t new_low = low.has_value() ? *low : new_high / kHighPerLow;
  if (new_high < new_low) {
    throw std::invalid_argument(fmt::format("high ({}) must be >= low ({}) must be >= 0", new_high, new_low));
  }
  high_ = new_high;
  low_ = new_low;
}

}  // namespace tidegate::transport
