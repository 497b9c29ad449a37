// An end that is a connection over TCP or a Unix socket.
#pragma once

#include <tidegate/handle.hpp>
#include <tidegate/protocol.hpp>
#include <tidegate/transport.hpp>

#include "relay/pair.hpp"
#include "relay/side.hpp"

#include <cstddef>
#include <optional>

namespace tidegate::cli::relay {

/// A protocol that hands everything to its pair.
class SocketSide final : public Protocol, public Side {
 public:
  /// `buffer_bytes`: the high mark of its write buffer, where it is not to be the library's.
  SocketSide(PairEnd pair_end, std::optional<std::size_t> buffer_bytes);

  void connection_made(TransportRef transport) override;
  void data_received(BytesView data) override { pair_end_.bytes_came(data); }
  bool eof_received() override;
  void pause_writing() override { pair_end_.full(); }
  void resume_writing() override;
  void connection_lost(const Error& reason) override;

  [[nodiscard]] bool reads() const noexcept override { return true; }
  [[nodiscard]] bool writes() const noexcept override { return true; }
  void write(BytesView data) override {
    if (!transport_->is_closing()) transport_->write(data);
  }
  void end_writing() override { transport_->write_eof(); }
  void pause_reading() override { transport_->pause_reading(); }
  void resume_reading() override { transport_->resume_reading(); }
  /// Until the peer has taken all, what comes is still read, and dropped: a peer that waits for that would
  /// not take the rest, and a connection that is closed over what was not read is reset, with all that is
  /// under way.
  void close() override;
  void abort() override {
    if (transport_) transport_->abort();
  }
  [[nodiscard]] Level level() const noexcept override;

 private:
  void leave_when_taken();

  PairEnd pair_end_;
  std::optional<std::size_t> buffer_bytes_;
  TransportRef transport_;
  TimerHandle next_look_;
  TimePoint last_progress_ = {};
  std::size_t untaken_bytes_ = 0;
  bool is_leaving_ = false;
  bool peer_has_ended_ = false;
};

}  // namespace tidegate::cli::relay
