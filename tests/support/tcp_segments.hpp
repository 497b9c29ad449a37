// How many pieces TCP cut what was sent into: with Nagle's algorithm off, one for each system call that was
// small enough.
#pragma once

#include <tidegate/descriptor.hpp>

namespace tidegate::testing {

/// Segments with data that this socket has sent so far.
[[nodiscard]] unsigned tcp_data_segments_sent(FileDescriptor descriptor);

}  // namespace tidegate::testing
