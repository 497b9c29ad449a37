// Chunks whose letting go is counted, so that a test can say "exactly once" and "not yet". Knows no
// transports.
#pragma once

#include <tidegate/chunk.hpp>

#include <functional>
#include <string>
#include <utility>

namespace tidegate::contract {

/// The memory behind one chunk. Lifetime: outlives the chunk.
class CountedChunk {
 public:
  explicit CountedChunk(std::string bytes) : bytes(std::move(bytes)) {}
  CountedChunk(const CountedChunk&) = delete;
  CountedChunk& operator=(const CountedChunk&) = delete;
  ~CountedChunk() = default;

  /// The chunk; its memory is `bytes`.
  [[nodiscard]] Chunk chunk() {
    return {BytesView(bytes), this, [](void* owner) noexcept {
              auto& counted = *static_cast<CountedChunk*>(owner);
              ++counted.released;
              if (counted.on_release) counted.on_release();
            }};
  }

  std::string bytes;
  int released = 0;
  std::function<void()> on_release;
};

}  // namespace tidegate::contract
