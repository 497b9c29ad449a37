// What has arrived and nobody wants at the moment. Pure.
#pragma once

#include <tidegate/bytes.hpp>
#include <tidegate/descriptor.hpp>

#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

namespace tidegate::kernel {

/// Of one descriptor. Bytes are copied, so that a connection that is not read pins nothing of what is shared;
/// they are few: the first that are parked are the reason for receiving no more.
struct ParkedInput {
  std::vector<std::byte> bytes;
  std::deque<OwnedFileDescriptor> accepted;
  /// The end, which comes after all that.
  std::optional<int> end;

  /// Throws std::bad_alloc and changes nothing then.
  void add(BytesView more) { bytes.insert(bytes.end(), more.data(), more.data() + more.size()); }
  [[nodiscard]] bool empty() const noexcept { return bytes.empty() && accepted.empty() && !end; }
};

}  // namespace tidegate::kernel
