// A wire that is a plain socket: what a peer does that is no transport. The loop tells it when the socket is
// ready; everything else is system calls.
#pragma once

#include <tidegate/loop.hpp>

#include "differential/actor.hpp"
#include "differential/wire.hpp"
#include "support/raw_peer.hpp"

#include <cstddef>
#include <string>

namespace tidegate::differential {

class RawWire final : public Wire {
 public:
  /// Lifetime: all of them as long as this; the loop longer than the wire is open.
  RawWire(Loop& loop, testing::RawPeer& peer, Actor& actor, std::size_t read_size_bytes);

  /// From now on it reads, and the actor plays.
  void begin();

  void write(BytesView data) override;
  void write(Chunk chunk) override { write(chunk.bytes()); }
  void writelines(std::span<const BytesView> pieces) override;
  void writelines(std::vector<Chunk> chunks) override;
  void write_eof() override;
  void close() override;
  void abort() override { end(); }
  void pause_reading() override;
  void resume_reading() override;
  void reset() override;
  void switch_protocol(contract::Receiver receiver) override;
  void set_limits(const WriteBufferLimitOptions& limits) override;
  void set_send_buffer(int size_bytes) override;
  [[nodiscard]] std::size_t buffered() const override { return waiting_.size() - sent_; }

 private:
  void read();
  void watch_input();
  void send();
  void end();

  Loop& loop_;
  testing::RawPeer& peer_;
  Actor& actor_;
  std::size_t read_size_bytes_;
  std::string waiting_;  // to be sent, from `sent_` on
  std::size_t sent_ = 0;
  bool reads_ = true;
  bool input_over_ = false;
  bool owes_eof_ = false;
  bool closing_ = false;
};

}  // namespace tidegate::differential
