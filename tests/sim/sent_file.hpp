// A file of a play's own, to be sent: a regular one, or a pipe, which has no positions. A real one, in
// memory.
#pragma once

#include <tidegate/descriptor.hpp>

#include <cstdint>
#include <string_view>

namespace tidegate::workload {

class SentFile {
 public:
  /// The most that `pipe` takes.
  static constexpr std::size_t kMostInPipe = 60'000;

  /// Regular, with this in it. Throws OsError, as all of these.
  [[nodiscard]] static SentFile regular(std::string_view content);
  /// The reading end of a pipe that holds this, and whose other end is closed.
  [[nodiscard]] static SentFile pipe(std::string_view content);

  [[nodiscard]] FileDescriptor descriptor() const noexcept { return descriptor_.get(); }

  // REQUIRES of all of these: regular.
  [[nodiscard]] std::uint64_t position() const;
  void set_position(std::uint64_t position) const;
  /// Cuts it, or makes it larger by zeros.
  void set_size(std::uint64_t size_bytes) const;

 private:
  explicit SentFile(OwnedFileDescriptor descriptor) noexcept : descriptor_(std::move(descriptor)) {}

  OwnedFileDescriptor descriptor_;
};

}  // namespace tidegate::workload
