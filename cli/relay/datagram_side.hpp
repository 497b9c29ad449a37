// An end that is a connected datagram socket.
#pragma once

#include <tidegate/datagram.hpp>
#include <tidegate/handle.hpp>

#include "relay/pair.hpp"
#include "relay/side.hpp"
#include "relay/silence.hpp"

#include <cstddef>
#include <optional>

namespace tidegate::cli::relay {

/// The largest datagram that UDP over IPv4 can carry: what is longer is sent as several.
inline constexpr std::size_t kLargestDatagramBytes = 65'507;

/// Datagrams become bytes, and bytes become datagrams, as many as there were pieces. Nothing says that a peer
/// has no more to send, so this takes it for ended when the other end of the pair has ended and the peer has
/// been silent for `timeout`. It can't be paused: what comes meanwhile is dropped.
class DatagramSide final : public DatagramProtocol, public Side {
 public:
  /// `buffer_bytes`: the high mark of its write buffer, where it is not to be the library's.
  DatagramSide(PairEnd pair_end, std::optional<std::size_t> buffer_bytes, Duration timeout);

  void connection_made(DatagramTransportRef transport) override;
  void datagram_received(BytesView data, const Endpoint& sender) override;
  void error_received(const Error& error) override;
  void pause_writing() override { pair_end_.full(); }
  void resume_writing() override { pair_end_.has_room(); }
  void connection_lost(const Error& reason) override;

  [[nodiscard]] bool reads() const noexcept override { return true; }
  [[nodiscard]] bool writes() const noexcept override { return true; }
  void write(BytesView data) override;
  void end_writing() override;
  [[nodiscard]] bool ends_as_a_whole() const noexcept override { return false; }
  void pause_reading() override { is_reading_ = false; }
  void resume_reading() override { is_reading_ = true; }
  void close() override;
  /// There is no end that anybody could be told of.
  void cut() override { close(); }
  void abort() override;
  [[nodiscard]] Level level() const noexcept override;

 private:
  PairEnd pair_end_;
  std::optional<std::size_t> buffer_bytes_;
  DatagramTransportRef transport_;
  Silence silence_;
  Error failure_;
  bool is_reading_ = false;
};

}  // namespace tidegate::cli::relay
