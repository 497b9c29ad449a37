// An end that is a connection over TCP or a Unix socket, as it is.
#pragma once

#include <tidegate/protocol.hpp>
#include <tidegate/transport.hpp>

#include "relay/last_words.hpp"
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
  [[nodiscard]] bool ends_as_a_whole() const noexcept override { return false; }
  void pause_reading() override { transport_->pause_reading(); }
  void resume_reading() override { transport_->resume_reading(); }
  void close() override;
  /// A peer over TCP is reset when it has taken all. One over a Unix socket can't be told.
  void cut() override;
  void abort() override {
    if (transport_) transport_->abort();
  }
  [[nodiscard]] Level level() const noexcept override;

 private:
  void leave();

  PairEnd pair_end_;
  std::optional<std::size_t> buffer_bytes_;
  TransportRef transport_;
  std::optional<LastWords> last_words_;  // once it leaves
  bool is_cut_ = false;
  bool peer_has_ended_ = false;
};

}  // namespace tidegate::cli::relay
