// Bytes that are handed over: `write(Chunk)` keeps them, uncopied, until the kernel has taken them.
#pragma once

#include <tidegate/bytes.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tidegate {

/// A run of bytes together with its owner, moved and never copied. The owner is let go of exactly once, when
/// the kernel has taken the last byte or the connection has dropped them (contract W2).
class Chunk {
 public:
  /// Lets go of the memory; `owner` is what the chunk was made with.
  using Release = void (*)(void* owner) noexcept;

  Chunk() noexcept = default;

  /// `bytes` stay valid until `release(owner)` is called. A null `release`: nothing to let go of (static
  /// memory).
  Chunk(BytesView bytes, void* owner, Release release) noexcept
      : bytes_(bytes), owner_(owner), release_(release) {}

  /// Takes over the text or the vector (one small allocation, no copy of the bytes).
  explicit Chunk(std::string&& text) : Chunk(holding(std::move(text))) {}
  explicit Chunk(std::vector<std::byte>&& bytes) : Chunk(holding(std::move(bytes))) {}
  explicit Chunk(std::vector<char>&& bytes) : Chunk(holding(std::move(bytes))) {}
  explicit Chunk(std::vector<unsigned char>&& bytes) : Chunk(holding(std::move(bytes))) {}

  /// Shares: `bytes` lie in what `owner` keeps alive. Many chunks may share one owner, for example one
  /// message that is sent to many peers.
  Chunk(BytesView bytes, std::shared_ptr<const void> owner) : Chunk(sharing(bytes, std::move(owner))) {}

  /// Memory that outlives every connection, such as a literal.
  [[nodiscard]] static Chunk immortal(BytesView bytes) noexcept { return {bytes, nullptr, nullptr}; }

  Chunk(Chunk&& other) noexcept
      : bytes_(std::exchange(other.bytes_, BytesView())),
        owner_(other.owner_),
        release_(std::exchange(other.release_, nullptr)) {}
  Chunk& operator=(Chunk&& other) noexcept {
    if (this != &other) {
      reset();
      bytes_ = std::exchange(other.bytes_, BytesView());
      owner_ = other.owner_;
      release_ = std::exchange(other.release_, nullptr);
    }
    return *this;
  }
  Chunk(const Chunk&) = delete;
  Chunk& operator=(const Chunk&) = delete;
  ~Chunk() { reset(); }

  [[nodiscard]] BytesView bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }
  [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }

  /// Lets go of the memory now.
  void reset() noexcept {
    bytes_ = BytesView();
    if (release_ != nullptr) std::exchange(release_, nullptr)(owner_);
  }

 private:
  template <typename Container>
  static Chunk holding(Container&& container) {
    auto* kept = new Container(std::move(container));
    return {BytesView(*kept), kept, [](void* owner) noexcept { delete static_cast<Container*>(owner); }};
  }

  static Chunk sharing(BytesView bytes, std::shared_ptr<const void>&& owner) {
    auto* kept = new std::shared_ptr<const void>(std::move(owner));
    return {bytes, kept,
            [](void* pointer) noexcept { delete static_cast<std::shared_ptr<const void>*>(pointer); }};
  }

  BytesView bytes_;
  void* owner_ = nullptr;
  Release release_ = nullptr;
};

}  // namespace tidegate
