// Where plaintext lies between its decryption and the protocol: one piece of memory for all connections of a
// thread, so that none of them holds any.
#pragma once

#include <tidegate/bytes.hpp>

#include <cstddef>
#include <memory>
#include <utility>

namespace tidegate::tls {

/// The use of that memory during one delivery. A delivery inside of another (TLS within TLS) has some of its
/// own.
///
/// Thread: one.
class PlaintextScratch {
 public:
  /// One record, or many small ones: so it stays in the processor's nearest cache, from the decryption
  /// through the protocol to an answer that is encrypted from there.
  static constexpr std::size_t kBytes = std::size_t{16} * 1024;

  /// Throws std::bad_alloc.
  PlaintextScratch() : memory_(std::move(spare())) {
    if (memory_ == nullptr) memory_ = std::make_unique_for_overwrite<std::byte[]>(kBytes);
  }
  PlaintextScratch(const PlaintextScratch&) = delete;
  PlaintextScratch& operator=(const PlaintextScratch&) = delete;
  ~PlaintextScratch() { spare() = std::move(memory_); }

  [[nodiscard]] MutableBytesView memory() const noexcept { return {memory_.get(), kBytes}; }

 private:
  using Memory = std::unique_ptr<std::byte[]>;

  static Memory& spare() noexcept {
    thread_local Memory kept;
    return kept;
  }

  Memory memory_;
};

}  // namespace tidegate::tls
