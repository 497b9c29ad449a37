// Where the headers of gathered sends lie until the kernel has read them. Pure.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include <sys/socket.h>
#include <sys/uio.h>

namespace tidegate::kernel {

/// The kernel reads a header, and the list of pieces that it points to, when the request is submitted; then
/// the place is free again.
class MessageArena {
 public:
  /// A header for `pieces`, copied; null where there is no room.
  [[nodiscard]] msghdr* put(std::span<const iovec> pieces) noexcept {
    if (headers_used_ == headers_.size() || pieces.size() > pieces_.size() - pieces_used_) return nullptr;
    iovec* first = pieces_.data() + pieces_used_;
    std::copy(pieces.begin(), pieces.end(), first);
    pieces_used_ += pieces.size();
    msghdr& header = headers_[headers_used_++];
    header = {};
    header.msg_iov = first;
    header.msg_iovlen = pieces.size();
    return &header;
  }
  /// REQUIRES: everything was submitted.
  void clear() noexcept { headers_used_ = pieces_used_ = 0; }

 private:
  std::array<msghdr, 64> headers_;
  std::array<iovec, 512> pieces_;
  std::size_t headers_used_ = 0;
  std::size_t pieces_used_ = 0;
};

}  // namespace tidegate::kernel
