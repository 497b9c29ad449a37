// Which connections of a run are open, and the wait for their end.
#pragma once

#include <tidegate/datagram.hpp>
#include <tidegate/future.hpp>
#include <tidegate/handle.hpp>
#include <tidegate/protocol.hpp>
#include <tidegate/task.hpp>

#include <cstddef>
#include <variant>
#include <vector>

namespace tidegate::cli::bench {

/// What can be open: a stream, or a socket for datagrams.
using AnyTransport = std::variant<TransportRef, DatagramTransportRef>;

/// The open connections under their numbers. A number may be used again once its connection is closed.
class Connections {
 public:
  void opened(std::size_t number, AnyTransport transport);
  /// Called from `connection_lost`.
  void closed(std::size_t number);

  [[nodiscard]] std::size_t open() const noexcept { return open_; }

  /// `close` for each.
  void close_all() const;
  /// `abort` for each.
  void abort_all() const;
  /// Waits until none is open, or until `limit` has passed; whether none is open.
  [[nodiscard]] Task<bool> closed_within(Duration limit);
  /// As above, then cuts what has not ended.
  [[nodiscard]] Task<> end_within(Duration limit);

 private:
  std::vector<AnyTransport> transports_;
  std::size_t open_ = 0;
  Future<> nobody_left_;
};

}  // namespace tidegate::cli::bench
