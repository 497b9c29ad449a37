// Datagrams that were received and that nobody wants at the moment. Pure.
#pragma once

#include <tidegate/bytes.hpp>

#include "kernel/channel.hpp"
#include "net/socket_address.hpp"

#include <cstddef>
#include <cstdint>
#include <list>
#include <unordered_map>
#include <utility>
#include <vector>

namespace tidegate::kernel {

/// The rest of a batch whose receiver stopped in the middle of it, copied, by channel: whoever has the number
/// of a descriptor next finds nothing. There are few: nothing more is received of a channel that has some.
class KeptDatagrams {
 public:
  struct Datagram {
    std::vector<std::byte> bytes;
    net::SocketAddress sender;
  };
  using Queue = std::list<Datagram>;  // for it can be moved without memory

  [[nodiscard]] bool has(ChannelId channel) const noexcept {
    return !queues_.empty() && queues_.contains(key_of(channel));
  }
  /// Throws std::bad_alloc and changes nothing then.
  void add(ChannelId channel, BytesView bytes, const net::SocketAddress& sender) {
    Datagram datagram{{bytes.begin(), bytes.end()}, sender};
    queues_[key_of(channel)].push_back(std::move(datagram));
  }
  /// All of a channel, in order; they are kept no longer.
  [[nodiscard]] Queue take(ChannelId channel) noexcept {
    const auto found = queues_.find(key_of(channel));
    if (found == queues_.end()) return {};
    Queue queue = std::move(found->second);
    queues_.erase(found);
    return queue;
  }
  /// Puts back what is left of them. Throws std::bad_alloc. REQUIRES: `has` says no.
  void put_back(ChannelId channel, Queue&& queue) {
    if (!queue.empty()) queues_[key_of(channel)] = std::move(queue);
  }
  /// The channel is closed.
  void forget(ChannelId channel) noexcept {
    if (!queues_.empty()) queues_.erase(key_of(channel));
  }

 private:
  [[nodiscard]] static std::uint64_t key_of(ChannelId channel) noexcept {
    return std::uint64_t{channel.index} << 32 | channel.generation;
  }

  std::unordered_map<std::uint64_t, Queue> queues_;
};

}  // namespace tidegate::kernel
