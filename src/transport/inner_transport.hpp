// What the library's own stream transports can do for one another and for what is built over them. Not for
// programs.
#pragma once

#include <tidegate/descriptor.hpp>
#include <tidegate/future.hpp>
#include <tidegate/transport.hpp>

#include "loop/loop_core.hpp"
#include "transport/write_buffer.hpp"

#include <cstdint>

namespace tidegate::transport {

/// What of a file is still to be sent: moves on as bytes leave.
struct FileToSend {
  FileDescriptor file;
  /// The next byte, from the beginning of the file.
  std::uint64_t next = 0;
  /// How many from there on, at most.
  std::uint64_t left = 0;

  /// So many bytes have left, or are as good as that.
  void move_on(std::uint64_t size_bytes) noexcept {
    next += size_bytes;
    left -= size_bytes;
  }
};

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

  /// As `abort`, with a reason for the protocol: of whoever stands between it and this.
  virtual void abort_for(Error reason) = 0;

  /// From now on receives a bounded amount at a time, for a protocol that may have to keep it (T4).
  virtual void receive_modestly() = 0;

  /// Sends what was written as if the loop were about to block.
  virtual void flush_written() = 0;

  // --- a file (Loop::sendfile, contract N1) --------------------------------------------------------

  /// Begins the time of a file: until `end_file`, what the program writes throws InvalidStateError, and an
  /// end of file from the other end waits. Throws InvalidStateError where the transport is closing, has been
  /// told `write_eof`, or sends a file already; NotSupportedError where it only reads.
  virtual void begin_file() = 0;

  /// The transport is the program's again. Comes after each `begin_file` that has returned, also where the
  /// connection is lost. Whoever still waited for what follows waits for ever.
  virtual void end_file() noexcept = 0;

  /// Whether `send_file` is possible: no byte has to pass through the program.
  [[nodiscard]] virtual bool can_send_file() const noexcept = 0;

  /// Has the kernel send `file` when what is buffered has left: done when it has taken all, or the file is at
  /// its end. Fails with SendfileNotAvailableError where the kernel can't send from this kind of file; with
  /// what ends the connection where that comes first, ECONNABORTED where that is nothing; with OsError
  /// otherwise. Cancelling it stops it. Lifetime: `file` stays until it is done, or `end_file`. REQUIRES:
  /// `can_send_file()`.
  [[nodiscard]] virtual Future<void> send_file(FileToSend& file) = 0;

  /// Done when there is room for a piece: the protocol is not paused. Fails with what ends the connection.
  [[nodiscard]] virtual Future<void> wait_for_room_for_file() = 0;

  /// Writes the next piece of `file`, as `write(Chunk)` does otherwise, and moves that on: before anybody is
  /// told to pause, for who is told may end the connection, and the piece counts as sent then. Throws what
  /// has ended the connection, before or meanwhile.
  virtual void write_of_file(FileToSend& file, Chunk piece) = 0;

 protected:
  ~InnerTransport() = default;
};

}  // namespace tidegate::transport
