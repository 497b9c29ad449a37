// A wire that is a transport, watched by a traced end, which checks the grammar of callbacks.
#pragma once

#include "contract/traced_end.hpp"
#include "differential/actor.hpp"
#include "differential/wire.hpp"

#include <utility>
#include <vector>

namespace tidegate::differential {

class TransportWire final : public Wire {
 public:
  /// Lifetime: both as long as anything is called on the end.
  TransportWire(contract::TracedEnd& end, Actor& actor);

  void write(BytesView data) override { end_.write(data); }
  void write(Chunk chunk) override { end_.write(std::move(chunk)); }
  void writelines(std::span<const BytesView> pieces) override { end_.writelines(pieces); }
  void writelines(std::vector<Chunk> chunks) override { end_.writelines(std::move(chunks)); }
  void write_eof() override { end_.write_eof(); }
  void close() override { end_.close(); }
  void abort() override { end_.abort(); }
  void pause_reading() override { end_.pause_reading(); }
  void resume_reading() override { end_.resume_reading(); }
  void reset() override;
  void switch_protocol(contract::Receiver receiver) override { end_.switch_protocol(receiver); }
  void set_limits(const WriteBufferLimitOptions& limits) override { end_.set_limits(limits); }
  void set_send_buffer(int size_bytes) override;
  [[nodiscard]] std::size_t buffered() const override { return end_.buffered(); }

 private:
  contract::TracedEnd& end_;
};

}  // namespace tidegate::differential
