// Views of bytes: what a protocol is given to read and what a transport is given to send or to fill.
// They know nothing of ownership; see chunk.hpp for bytes that are handed over.
#pragma once

#include <concepts>
#include <cstddef>
#include <ranges>
#include <string>
#include <string_view>
#include <type_traits>

namespace tidegate {

namespace detail {

/// An item that is exactly one byte and has no meaning beyond it. Wider items are refused at compile time: a
/// view that counted items where bytes are meant would be cut short.
template <typename T>
concept ByteLike = sizeof(T) == 1 && std::is_trivially_copyable_v<T> &&
                   !std::same_as<std::remove_cv_t<T>, bool>;

template <typename Range>
concept ByteRange = std::ranges::contiguous_range<Range> && std::ranges::sized_range<Range> &&
    ByteLike<std::remove_reference_t<std::ranges::range_reference_t<Range>>>;

}  // namespace detail

/// A borrowed run of bytes, read only. Made from anything contiguous whose items are one byte wide: string
/// literals, std::string, std::string_view, std::vector<std::byte>, std::span<const unsigned char> ...
///
/// Lifetime: whoever hands out the view says how long it lasts; in `data_received` until the callback
/// returns.
class BytesView {
 public:
  constexpr BytesView() noexcept = default;

  /// `size_bytes` bytes from `data` on.
  BytesView(const void* data, std::size_t size_bytes) noexcept
      : data_(static_cast<const std::byte*>(data)), size_(size_bytes) {}

  /// The characters of a null-terminated text, without the terminator.
  BytesView(const char* text) noexcept
      : BytesView(std::string_view(text)) {}  // NOLINT(google-explicit-constructor)

  /// The characters of a text.
  BytesView(std::string_view text) noexcept  // NOLINT(google-explicit-constructor)
      : BytesView(text.data(), text.size()) {}

  /// The bytes of any contiguous range of one-byte items.
  template <detail::ByteRange Range>
  requires(!std::is_array_v<std::remove_cvref_t<Range>> &&
           !std::same_as<std::remove_cvref_t<Range>, std::string_view> &&
           !std::same_as<std::remove_cvref_t<Range>, BytesView>) BytesView(const Range& range)
  noexcept  // NOLINT(google-explicit-constructor)
      : BytesView(std::ranges::data(range), std::ranges::size(range)) {}

  [[nodiscard]] const std::byte* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] const std::byte* begin() const noexcept { return data_; }
  [[nodiscard]] const std::byte* end() const noexcept { return data_ + size_; }
  [[nodiscard]] std::byte operator[](std::size_t index) const noexcept { return data_[index]; }

  /// The first `count` bytes, or all of them where there are fewer.
  [[nodiscard]] BytesView first(std::size_t count) const noexcept {
    return {data_, count < size_ ? count : size_};
  }

  /// What follows the first `count` bytes; empty where there are no more.
  [[nodiscard]] BytesView drop(std::size_t count) const noexcept {
    return count < size_ ? BytesView(data_ + count, size_ - count) : BytesView();
  }

  /// The same bytes seen as characters. No decoding takes place.
  [[nodiscard]] std::string_view text() const noexcept {
    return {reinterpret_cast<const char*>(data_), size_};  // NOLINT: std::byte may alias char
  }

  /// A copy of the bytes.
  [[nodiscard]] std::string to_string() const { return std::string(text()); }

  friend bool operator==(BytesView left, BytesView right) noexcept { return left.text() == right.text(); }

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

/// A borrowed run of memory to be filled, as `BufferedProtocol::get_buffer` returns it.
///
/// Lifetime: as BytesView.
class MutableBytesView {
 public:
  constexpr MutableBytesView() noexcept = default;

  /// `size_bytes` bytes from `data` on.
  MutableBytesView(void* data, std::size_t size_bytes) noexcept
      : data_(static_cast<std::byte*>(data)), size_(size_bytes) {}

  /// The memory of any contiguous range of one-byte items that can be written to: std::string,
  /// std::array<char, N>, std::vector<std::byte>, a plain array ...
  template <typename Range>
  requires(detail::ByteRange<Range> &&
           !std::is_const_v<std::remove_reference_t<std::ranges::range_reference_t<Range>>> &&
           !std::same_as<std::remove_cvref_t<Range>, MutableBytesView>) MutableBytesView(Range&& range)
  noexcept  // NOLINT(google-explicit-constructor)
      : MutableBytesView(std::ranges::data(range), std::ranges::size(range)) {}

  [[nodiscard]] std::byte* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::byte* begin() const noexcept { return data_; }
  [[nodiscard]] std::byte* end() const noexcept { return data_ + size_; }

  /// The first `count` bytes, or all of them where there are fewer.
  [[nodiscard]] MutableBytesView first(std::size_t count) const noexcept {
    return {data_, count < size_ ? count : size_};
  }

  /// What follows the first `count` bytes; empty where there are no more.
  [[nodiscard]] MutableBytesView drop(std::size_t count) const noexcept {
    return count < size_ ? MutableBytesView(data_ + count, size_ - count) : MutableBytesView();
  }

  operator BytesView() const noexcept { return {data_, size_}; }  // NOLINT(google-explicit-constructor)

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace tidegate
