// An end that is a connection over TLS, which can't be half-closed, and which tells when it was cut.
#pragma once

#include <tidegate/handle.hpp>
#include <tidegate/protocol.hpp>
#include <tidegate/transport.hpp>

#include "relay/last_words.hpp"
#include "relay/pair.hpp"
#include "relay/side.hpp"
#include "relay/silence.hpp"

#include <cstddef>
#include <optional>
#include <string>

namespace tidegate::cli::relay {

/// A protocol that hands everything to its pair. The end of what comes from it is the end of both ways. What
/// it was sent being all is something it can't be told without ending it: it is left to finish, and closed
/// when it has been silent for `timeout`. Where it is lost before its peer has said that it ends, it has gone
/// in the middle, whatever the error: anybody on the way could have made that.
class TlsSide final : public Protocol, public Side {
 public:
  /// `buffer_bytes`: the high mark of its write buffer, where it is not to be the library's.
  TlsSide(PairEnd pair_end, std::optional<std::size_t> buffer_bytes, Duration timeout);

  void connection_made(TransportRef transport) override;
  void data_received(BytesView data) override;
  bool eof_received() override;
  void pause_writing() override { pair_end_.full(); }
  void resume_writing() override;
  void connection_lost(const Error& reason) override;

  [[nodiscard]] bool reads() const noexcept override { return true; }
  [[nodiscard]] bool writes() const noexcept override { return true; }
  void write(BytesView data) override {
    if (!transport_->is_closing()) transport_->write(data);
  }
  void end_writing() override;
  [[nodiscard]] bool ends_as_a_whole() const noexcept override { return true; }
  void pause_reading() override;
  void resume_reading() override;
  void close() override;
  /// Its peer gets everything, and no close_notify.
  void cut() override;
  void abort() override;
  [[nodiscard]] Level level() const noexcept override;

  /// What was agreed on with the peer, for people. REQUIRES: connected.
  [[nodiscard]] std::string agreement() const;

 private:
  void silent_for_too_long();

  PairEnd pair_end_;
  std::optional<std::size_t> buffer_bytes_;
  TransportRef transport_;
  Silence silence_;
  std::optional<LastWords> last_words_;  // once it leaves
  bool is_cut_ = false;
  bool is_paused_ = true;
  bool peer_has_ended_ = false;
};

}  // namespace tidegate::cli::relay
