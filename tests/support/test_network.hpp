// The simulated network that a test stands on instead of the system: where it asks for one, or where the
// environment does for all of them, with TIDEGATE_TEST_NETWORK=<seed>. Knows nothing of what is tested.
#pragma once

#include <tidegate/loop.hpp>
#include <tidegate/simulated_network.hpp>

#include <cstdint>
#include <memory>

namespace tidegate::support {

/// One for the life of a test, or none.
///
/// While it lives, the sockets and pipes that tests and Socket make are of that network, in programs that are
/// linked with simulated_calls.cpp.
class TestNetwork {
 public:
  /// One where `backend` is `simulated` or the environment asks for one. Throws std::invalid_argument for a
  /// seed that is none.
  explicit TestNetwork(BackendKind backend = BackendKind::automatic);
  TestNetwork(const TestNetwork&) = delete;
  TestNetwork& operator=(const TestNetwork&) = delete;
  /// Fails the test where something on it is still open.
  ~TestNetwork();

  /// What a loop needs to stand on it; `options` as they are where there is none.
  [[nodiscard]] LoopOptions applied_to(LoopOptions options) const noexcept;

  /// That of the present test; null for none.
  [[nodiscard]] static SimulatedNetwork* current() noexcept;
  /// Whether tests run on simulated networks at all.
  [[nodiscard]] static bool is_asked_for();

  /// The seed of networks that are made from now on; 0: that of the environment, or 1.
  static void set_seed(std::uint64_t seed) noexcept;

 private:
  std::unique_ptr<SimulatedNetwork> network_;
};

}  // namespace tidegate::support
