// Descriptors as types: a number that somebody else owns, and one that closes itself.
#pragma once

#include <utility>

namespace tidegate {

/// The number of an open descriptor that somebody else owns.
struct FileDescriptor {
  /// As the kernel counts them; -1 is none.
  int number = -1;

  [[nodiscard]] constexpr bool valid() const noexcept { return number >= 0; }
  friend constexpr bool operator==(FileDescriptor, FileDescriptor) noexcept = default;
};

/// A descriptor with one owner, closed when the owner goes.
class OwnedFileDescriptor {
 public:
  constexpr OwnedFileDescriptor() noexcept = default;
  /// Takes over `descriptor`: nobody else may close it from now on.
  explicit constexpr OwnedFileDescriptor(FileDescriptor descriptor) noexcept : descriptor_(descriptor) {}
  constexpr OwnedFileDescriptor(OwnedFileDescriptor&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, FileDescriptor())) {}
  OwnedFileDescriptor& operator=(OwnedFileDescriptor&& other) noexcept {
    if (this != &other) {
      reset();
      descriptor_ = std::exchange(other.descriptor_, FileDescriptor());
    }
    return *this;
  }
  OwnedFileDescriptor(const OwnedFileDescriptor&) = delete;
  OwnedFileDescriptor& operator=(const OwnedFileDescriptor&) = delete;
  ~OwnedFileDescriptor() { reset(); }

  /// The number, for calls that borrow it; the ownership stays here.
  [[nodiscard]] constexpr FileDescriptor get() const noexcept { return descriptor_; }
  [[nodiscard]] constexpr bool valid() const noexcept { return descriptor_.valid(); }

  /// Gives the ownership away; the caller closes it.
  [[nodiscard]] constexpr FileDescriptor release() noexcept {
    return std::exchange(descriptor_, FileDescriptor());
  }

  /// Closes it now. Closing an empty one does nothing.
  void reset() noexcept;

 private:
  FileDescriptor descriptor_;
};

}  // namespace tidegate
