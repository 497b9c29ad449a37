// The `bytes` object that the next large receive fills: what arrives lies where Python will see it, and is
// not copied. Knows no transports.
#pragma once

#include <tidegate/bytes.hpp>

#include "python.hpp"

#include <cstddef>

namespace tidegate::python {

/// One for all connections of a loop, as the memory that the core lends is.
///
/// Thread: one at a time, with the interpreter's lock held.
class BytesToFill {
 public:
  /// As much as asyncio's own loop receives at a time.
  static constexpr std::size_t kBytes = std::size_t{256} * 1024;

  /// Where the next bytes go. Throws PythonError. Lifetime: until `take`.
  [[nodiscard]] MutableBytesView memory();
  /// What was filled: the first `size_bytes` of it, > 0, as an object. Null, with an exception set, where
  /// there is no memory. REQUIRES: `memory` was called since the last one.
  [[nodiscard]] Owned take(std::size_t size_bytes);

 private:
  Owned bytes_;
};

}  // namespace tidegate::python
