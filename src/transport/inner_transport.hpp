// What the library's own stream transports can do for one another and for what is built over them. Not for
// programs.
#pragma once

#include <tidegate/transport.hpp>

#include "loop/loop_core.hpp"
#include "transport/write_buffer.hpp"

namespace tidegate::transport {

class InnerTransport : public Transport {
 public:
  [[nodiscard]] virtual loop::LoopCore& core() const noexcept = 0;

  /// Whether bytes go both ways: not so in pipes.
  [[nodiscard]] virtual bool is_two_way() const noexcept = 0;

  /// Whether the protocol was told to pause writing, and is owed a resume_writing.
  [[nodiscard]] virtual bool writing_paused() const noexcept = 0;

  /// As `write(Chunk)`, for all that `bytes` holds, which is of the loop's pool; it is empty then. Throws as
  /// `write`, and std::bad_alloc.
  virtual void write_all_of(WriteBuffer&& bytes) = 0;

  /// From now on receives a bounded amount at a time, for a protocol that may have to keep it (T4).
  virtual void receive_modestly() = 0;

  /// Sends what was written as if the loop were about to block.
  virtual void flush_written() = 0;

 protected:
  ~InnerTransport() = default;
};

}  // namespace tidegate::transport
