// What the library's own parts may do with a transport beside what a program may: send a file over it
// (Loop::sendfile). Both stream transports are one, the plain one and the one over TLS.
#pragma once

#include <tidegate/chunk.hpp>
#include <tidegate/descriptor.hpp>
#include <tidegate/future.hpp>
#include <tidegate/transport.hpp>

#include <cstddef>
#include <cstdint>

namespace tidegate::loop {
class LoopCore;
}

namespace tidegate::transport {

/// What of a file is still to be sent: moves on as bytes leave.
struct FileToSend {
  FileDescriptor file;
  /// The next byte, from the beginning of the file.
  std::uint64_t next = 0;
  /// How many from there on; more than the file has: to its end.
  std::uint64_t left = 0;
};

/// A transport as the layers above it see it.
///
/// Lifetime, thread: as Transport's.
class InnerTransport : public Transport {
 public:
  [[nodiscard]] virtual loop::LoopCore& core() const noexcept = 0;

  // --- a file (contract N1), in this order ---------------------------------------------------------

  /// Begins the time of a file: until `end_file`, what the program writes throws InvalidStateError, and an
  /// end of file from the other end waits. Throws InvalidStateError where the transport is closing, has been
  /// told `write_eof`, or sends a file already; NotSupportedError where it only reads.
  virtual void begin_file() = 0;

  /// Done when no more than `at_most_bytes` are buffered. Fails with what ends the connection where it is
  /// closed or lost before, ECONNABORTED where that is nothing (OsError). One at a time. Cancelling it is
  /// enough to give it up.
  [[nodiscard]] virtual Future<void> wait_for_drain(std::size_t at_most_bytes) = 0;

  /// Whether `send_file` is possible: no byte has to pass through the program.
  [[nodiscard]] virtual bool can_send_file() const noexcept = 0;

  /// Has the kernel send `file`, as far as it goes: done when all has been taken, or the file is at its end.
  /// Fails with SendfileNotAvailableError where the kernel can't send from this file, and nothing was sent
  /// then; with OsError otherwise, as `wait_for_drain` or for the file's sake. Cancelling it stops it.
  /// Lifetime: `file` stays until that is done, or `end_file`. REQUIRES: `can_send_file()`, nothing is
  /// buffered.
  [[nodiscard]] virtual Future<void> send_file(FileToSend& file) = 0;

  /// Writes a piece of the file, as `write(Chunk)` does where no file is being sent.
  virtual void write_of_file(Chunk piece) = 0;

  /// The transport is the program's again. Comes after each `begin_file` that has returned, also where the
  /// connection is lost.
  virtual void end_file() noexcept = 0;

 protected:
  ~InnerTransport() = default;
};

}  // namespace tidegate::transport
