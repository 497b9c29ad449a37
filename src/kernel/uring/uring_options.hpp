// The sizes of an io_uring, and where they come from.
#pragma once

#include <string_view>

namespace tidegate::kernel {

/// Powers of two, except `buffer_bytes`. The defaults are measured (docs/performance.md); the smallest values
/// work as well, slowly.
struct UringOptions {
  /// Requests that go to the kernel in one call.
  unsigned submissions = 256;
  /// Results that may wait. At least twice the submissions.
  unsigned completions = 1024;
  /// The memory that received bytes are lent in. 0: what suits the way in which they are filled (see
  /// BufferRing).
  unsigned buffers = 0;
  unsigned buffer_bytes = 0;
  /// Has a buffer filled piece by piece, where the kernel can (Linux 6.12).
  bool incremental = true;

  /// What the environment variable TIDEGATE_IO_URING says, such as "buffers=16,buffer_bytes=8192"; the
  /// default for what it does not mention. Throws std::invalid_argument, which names what is wrong and what
  /// was expected.
  [[nodiscard]] static UringOptions from_environment();
  /// The same of a text.
  [[nodiscard]] static UringOptions parse(std::string_view text);
};

}  // namespace tidegate::kernel
