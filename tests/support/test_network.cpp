// A network for each test: see test_network.hpp.
#include "support/test_network.hpp"

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace tidegate::support {

namespace {

SimulatedNetwork* the_current = nullptr;
std::uint64_t the_seed = 0;

std::optional<std::uint64_t> seed_asked_for() {
  const char* text = std::getenv("TIDEGATE_TEST_NETWORK");
  const std::string_view digits = text == nullptr ? "" : text;
  if (digits.empty()) return std::nullopt;
  std::uint64_t seed = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), seed);
  if (problem == std::errc() && end == digits.data() + digits.size()) return seed;
  throw std::invalid_argument("TIDEGATE_TEST_NETWORK=\"" + std::string(digits) +
                              "\" is not a seed, expected a number");
}

}  // namespace

TestNetwork::TestNetwork(BackendKind backend) {
  const std::optional<std::uint64_t> asked_for = seed_asked_for();
  if (!asked_for && backend != BackendKind::simulated) return;
  const std::uint64_t seed = the_seed != 0 ? the_seed : asked_for.value_or(1);
  // As on loopback, where what is sent is there, and whole; and nothing that anybody would have to be told
  // of.
  NetworkConditions weather;
  weather.short_transfer = 0;
  weather.shortest_latency = weather.longest_latency = Duration::zero();
  weather.send_buffer_bytes = std::size_t{512} * 1024;
  weather.receive_buffer_bytes = std::size_t{256} * 1024;
  network_ = std::make_unique<SimulatedNetwork>(seed, weather);
  the_current = network_.get();
}

TestNetwork::~TestNetwork() {
  if (network_ == nullptr) return;
  the_current = nullptr;
  EXPECT_EQ(network_->open_descriptors(), 0U) << "left open on the simulated network:\n" << network_->trace();
}

LoopOptions TestNetwork::applied_to(LoopOptions options) const noexcept {
  if (network_ == nullptr) return options;
  options.backend = BackendKind::simulated;
  options.network = network_.get();
  return options;
}

SimulatedNetwork* TestNetwork::current() noexcept { return the_current; }

bool TestNetwork::is_asked_for() { return seed_asked_for().has_value(); }

void TestNetwork::set_seed(std::uint64_t seed) noexcept { the_seed = seed; }

}  // namespace tidegate::support
