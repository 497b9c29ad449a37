// The reading half of a stream: what arrives, when the program asks for it. Knows nothing of who sends; see
// streams.hpp for where streams come from.
#pragma once

#include <tidegate/bytes.hpp>
#include <tidegate/detail/read_operation.hpp>
#include <tidegate/task.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace tidegate {

/// How long a line may be unless somebody says otherwise, in bytes.
inline constexpr std::size_t kDefaultStreamLimit = std::size_t{64} * 1024;

/// The stream has ended before what was asked for was there (the counterpart of asyncio.IncompleteReadError).
class IncompleteReadError : public std::runtime_error {
 public:
  IncompleteReadError(std::string partial, std::optional<std::size_t> expected);

  /// What came before the end; the stream holds nothing any more.
  [[nodiscard]] const std::string& partial() const noexcept { return partial_; }
  /// How many bytes were asked for; none where it was a separator.
  [[nodiscard]] std::optional<std::size_t> expected() const noexcept { return expected_; }

 private:
  std::string partial_;
  std::optional<std::size_t> expected_;
};

/// No separator within the limit (the counterpart of asyncio.LimitOverrunError). What was received stays in
/// the stream.
class LimitOverrunError : public std::runtime_error {
 public:
  LimitOverrunError(const std::string& what, std::size_t consumed)
      : std::runtime_error(what), consumed_(consumed) {}

  /// How many bytes may be read before the separator, or before what may be the beginning of one.
  [[nodiscard]] std::size_t consumed() const noexcept { return consumed_; }

 private:
  std::size_t consumed_;
};

/// `readline` found a line longer than the limit: it is dropped, or what there was of it (asyncio raises a
/// ValueError).
class LineTooLongError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What a peer sends, to be read piece by piece: asyncio's `StreamReader`. A handle: copies are the same
/// stream.
///
/// Every read comes in two forms. `read`, `readexactly`, `readuntil` and `readline` return a Task with a
/// string of its own, which fits wherever a Task does (`wait_for`, `gather`). Those with `_view` and `_into`
/// copy nothing or once, and allocate nothing where the bytes have arrived already; they can only be awaited,
/// where they stand: `co_await reader.readexactly_view(4)`.
///
/// Only one task at a time may read; a second one gets InvalidStateError. A read that is cancelled has taken
/// nothing. Once the connection has failed, every read throws its error, also where bytes are left, as
/// asyncio's does; where it was cut (TlsErrc::truncated), only those that would need what never came.
///
/// At most twice the limit is held: beyond that the transport is paused until no more than the limit is left,
/// or a read needs more. An idle stream holds no buffer.
///
/// There is no counterpart of `async for line in reader`:
///
///     while (true) {
///       const std::string line = co_await reader.readline();
///       if (line.empty()) break;
///       ...
///     }
///
/// Lifetime: the stream is closed when the last handle of its reader and its writer has gone; see
/// StreamWriter. Thread: that of the loop.
class StreamReader {
 public:
  /// No stream. REQUIRES of every member below: not this.
  StreamReader() noexcept = default;

  // --- reads that give a string ------------------------------------------------------------------

  /// Everything up to the end of the stream.
  [[nodiscard]] Task<std::string> read() const;

  /// What there is, `most` bytes at most, and at least one: waits for it. Empty at the end of the stream, or
  /// where `most` is 0.
  [[nodiscard]] Task<std::string> read(std::size_t most) const;

  /// Exactly `count` bytes, which may be more than the limit. Throws IncompleteReadError where the stream
  /// ends before.
  [[nodiscard]] Task<std::string> readexactly(std::size_t count) const;

  /// Everything up to the separator, which is included. Throws LimitOverrunError where there are more bytes
  /// than the limit before it, IncompleteReadError where the stream ends before, std::invalid_argument for an
  /// empty separator.
  [[nodiscard]] Task<std::string> readuntil(BytesView separator = "\n") const;

  /// As above, to whichever separator ends first; the shortest where several end there. Name the list first:
  ///
  ///     const std::array<BytesView, 2> ends = {"\r\n\r\n", "\n\n"};
  ///     const std::string head = co_await reader.readuntil(ends);
  [[nodiscard]] Task<std::string> readuntil(std::span<const BytesView> separators) const;

  /// A line with its "\n"; the last one may have none; empty at the end of the stream. Throws
  /// LineTooLongError where it has more bytes than the limit.
  [[nodiscard]] Task<std::string> readline() const;

  // --- reads that give a view --------------------------------------------------------------------

  /// As `read`, `readexactly`, `readuntil` and `readline`, without a copy: to be awaited at once. Lifetime:
  /// the view until the next read of this stream begins, whatever arrives meanwhile, and as long as a handle
  /// of the stream. Separators until the await returns.
  [[nodiscard]] detail::ViewRead read_view(std::size_t most = static_cast<std::size_t>(-1)) const {
    return {input_, detail::ReadDemand::some(most)};
  }
  [[nodiscard]] detail::ViewRead readexactly_view(std::size_t count) const {
    return {input_, detail::ReadDemand::exactly(count)};
  }
  [[nodiscard]] detail::ViewRead readuntil_view(BytesView separator = "\n") const {
    return {input_, detail::ReadDemand::until(separator)};
  }
  [[nodiscard]] detail::ViewRead readuntil_view(std::span<const BytesView> separators) const {
    return {input_, detail::ReadDemand::until(separators)};
  }
  [[nodiscard]] detail::ViewRead readline_view() const { return {input_, detail::ReadDemand::line()}; }

  // --- reads into the caller's memory ------------------------------------------------------------

  /// As `read(target.size())`, into `target`: gives the number of bytes, 0 at the end of the stream. To be
  /// awaited at once. What has not arrived yet is received straight into a large `target`, without a copy.
  /// Lifetime: `target` until the await returns.
  [[nodiscard]] detail::IntoRead read_into(MutableBytesView target) const {
    return {input_, detail::ReadDemand::into_some(target)};
  }
  /// As `readexactly(target.size())`, into `target`, all of which is filled. Gives its size.
  [[nodiscard]] detail::IntoRead readexactly_into(MutableBytesView target) const {
    return {input_, detail::ReadDemand::into_exactly(target)};
  }

  // --- its state ---------------------------------------------------------------------------------

  /// Whether the stream has ended and everything has been read.
  [[nodiscard]] bool at_eof() const noexcept;

  /// What the connection failed with; null where it has not.
  [[nodiscard]] std::exception_ptr exception() const noexcept;

  explicit operator bool() const noexcept { return input_ != nullptr; }
  /// Whether both are the same stream.
  friend bool operator==(const StreamReader&, const StreamReader&) = default;

  /// For the library's own parts.
  explicit StreamReader(std::shared_ptr<detail::StreamInput> input) noexcept : input_(std::move(input)) {}

 private:
  std::shared_ptr<detail::StreamInput> input_;
};

}  // namespace tidegate
