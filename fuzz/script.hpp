// What libFuzzer made up, read from the front as the steps of a script. Knows no TLS.
#pragma once

#include <tidegate/bytes.hpp>

#include <cstddef>
#include <cstdint>

namespace tidegate::fuzz {

/// A script that is too short is one that goes on with zeros: so that every input is one, and a prefix of a
/// script that found something is a script as well.
class Script {
 public:
  explicit Script(BytesView input) noexcept : rest_(input) {}

  [[nodiscard]] bool is_over() const noexcept { return rest_.empty(); }

  [[nodiscard]] std::uint8_t byte() noexcept {
    const auto taken = rest_.empty() ? std::uint8_t{0} : std::to_integer<std::uint8_t>(rest_[0]);
    rest_ = rest_.drop(1);
    return taken;
  }
  /// From 0 to 65535, low byte first.
  [[nodiscard]] std::size_t number() noexcept {
    const std::size_t low = byte();
    return low + (std::size_t{byte()} << 8U);
  }
  /// As many as the script says, and still has.
  [[nodiscard]] BytesView bytes() noexcept {
    const std::size_t size = number();
    const BytesView taken = rest_.first(size);
    rest_ = rest_.drop(taken.size());
    return taken;
  }

 private:
  BytesView rest_;
};

}  // namespace tidegate::fuzz
