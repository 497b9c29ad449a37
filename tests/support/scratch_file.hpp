// A file of a test's own, to be sent. It has no name, and goes when it is closed.
#pragma once

#include <tidegate/bytes.hpp>
#include <tidegate/descriptor.hpp>

#include <cstdint>

namespace tidegate::testing {

/// Open for reading and writing, its position at 0. A call that the system refuses fails the test.
class ScratchFile {
 public:
  explicit ScratchFile(BytesView content = {});

  [[nodiscard]] FileDescriptor descriptor() const noexcept { return descriptor_.get(); }
  void close() noexcept { descriptor_.reset(); }

  [[nodiscard]] std::int64_t position() const;
  void set_position(std::int64_t position);
  /// Cuts it, or makes it larger by a hole, which reads as zeros.
  void set_size(std::int64_t size_bytes);
  /// Leaves the position where it is.
  void write_at(std::int64_t offset, BytesView bytes);

 private:
  OwnedFileDescriptor descriptor_;
};

}  // namespace tidegate::testing
