// Which pieces of received memory are being sent from where they are. Pure.
#pragma once

#include "kernel/channel.hpp"
#include "kernel/uring/buffer_ring.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tidegate::kernel {

/// A send of a lent piece, from its submission to its completion.
struct LentSend {
  ChannelId channel;  // not valid: the place is free
  ReceivedPiece piece;
};

/// Those that are under way, by places that are used again. As many as one submission has, so it stays small.
class LentSends {
 public:
  /// Returns the place. Throws std::bad_alloc.
  [[nodiscard]] std::uint32_t put(const LentSend& send) {
    if (free_.empty()) {
      free_.reserve(sends_.size() + 1);  // so that `take` needs no memory
      sends_.push_back(send);
      return static_cast<std::uint32_t>(sends_.size() - 1);
    }
    const std::uint32_t place = free_.back();
    free_.pop_back();
    sends_[place] = send;
    return place;
  }
  /// REQUIRES: the place was returned by `put`, and not taken since.
  [[nodiscard]] LentSend take(std::uint32_t place) noexcept {
    const LentSend send = sends_[place];
    sends_[place].channel = ChannelId();
    free_.push_back(place);
    return send;
  }
  /// Calls `visit(send)` for each, and takes it when that has returned.
  template <typename Visit>
  void take_all(const Visit& visit) {
    for (std::uint32_t place = 0; place < sends_.size(); ++place) {
      if (!sends_[place].channel.valid()) continue;
      visit(sends_[place]);
      static_cast<void>(take(place));
    }
  }
  /// As many as are under way, or a few more.
  [[nodiscard]] std::size_t size() const noexcept { return sends_.size(); }

 private:
  std::vector<LentSend> sends_;
  std::vector<std::uint32_t> free_;
};

}  // namespace tidegate::kernel
