// What an actor can do to its end of a connection, whether that is a transport or a raw socket.
#pragma once

#include <tidegate/bytes.hpp>
#include <tidegate/chunk.hpp>
#include <tidegate/transport.hpp>

#include "contract/ground.hpp"

#include <cstddef>
#include <span>
#include <vector>

namespace tidegate::differential {

class Wire {
 public:
  virtual ~Wire() = default;

  virtual void write(BytesView data) = 0;
  virtual void write(Chunk chunk) = 0;
  virtual void writelines(std::span<const BytesView> pieces) = 0;
  virtual void writelines(std::vector<Chunk> chunks) = 0;
  virtual void write_eof() = 0;
  virtual void close() = 0;
  virtual void abort() = 0;
  virtual void pause_reading() = 0;
  virtual void resume_reading() = 0;

  /// Ends the connection with a reset. REQUIRES: a raw socket.
  virtual void reset() = 0;
  /// REQUIRES of both: a transport.
  virtual void switch_protocol(contract::Receiver receiver) = 0;
  virtual void set_limits(const WriteBufferLimitOptions& limits) = 0;

  virtual void set_send_buffer(int size_bytes) = 0;
  /// What waits to be sent, on this side of the kernel.
  [[nodiscard]] virtual std::size_t buffered() const = 0;
};

}  // namespace tidegate::differential
