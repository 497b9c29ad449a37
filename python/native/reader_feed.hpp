// What arrives for an asyncio.StreamReaderProtocol goes to its StreamReader without either being called,
// where nobody could tell the difference. Knows no transports.
#pragma once

#include <tidegate/bytes.hpp>

#include "python.hpp"

#include <cstddef>

namespace tidegate::python {

/// One delivery to a StreamReader: what StreamReaderProtocol.data_received and StreamReader.feed_data do,
/// from the bytes as they lie, and in a third of the instructions. Both are Python, and asyncio's own:
/// whatever a program has changed of them, derives from them, or sets in their place is called instead, and
/// so is all that is out of the ordinary: a reader that has to be paused, has ended or has gone; a profiler
/// that looks.
class ReaderFeed {
 public:
  /// Whether `method` is a StreamReaderProtocol's own data_received, which this may stand for.
  [[nodiscard]] static bool stands_for(PyObject* method) noexcept;

  /// Looks at where `size_bytes` > 0 for `protocol` would go, and changes nothing. REQUIRES: `stands_for` its
  /// data_received.
  ReaderFeed(PyObject* protocol, std::size_t size_bytes) noexcept;

  /// Whether `feed` does what the method would do; otherwise that is to be called.
  [[nodiscard]] bool is_ordinary() const noexcept { return static_cast<bool>(waiter_); }

  /// Gives them to the reader, and wakes who waits. Null where something was raised. REQUIRES: `is_ordinary`,
  /// and as many bytes.
  [[nodiscard]] Owned feed(BytesView data) const;

 private:
  Owned reader_;
  Owned buffer_;
  Owned waiter_;  // None where nobody waits
};

/// Looks at what this version of asyncio does. False with an exception set.
[[nodiscard]] bool prepare_reader_feed();

}  // namespace tidegate::python
