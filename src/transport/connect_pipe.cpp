// Loop::connect_read_pipe and connect_write_pipe: one direction over a descriptor that is open already.
#include <tidegate/loop.hpp>

#include "net/descriptor_calls.hpp"
#include "net/nonblocking_loan.hpp"
#include "net/socket_options.hpp"
#include "transport/open_connection.hpp"
#include "transport/owned_channel.hpp"
#include "transport/stream_transport.hpp"

#include <cerrno>
#include <stdexcept>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>

namespace tidegate {

namespace {

using transport::Direction;
using transport::OwnedChannel;
using transport::OwnedPipe;
using transport::StreamTransport;

constexpr int kFirstOwnDescriptor = 3;  // those below have a meaning

/// A FIFO or a device that was opened for the other direction would be waited for in vain.
void check_direction(FileDescriptor descriptor, bool reads) {
  const int mode = net::call::fcntl(descriptor, F_GETFL) & O_ACCMODE;
  if (mode != (reads ? O_WRONLY : O_RDONLY)) return;
  throw std::invalid_argument("descriptor " + std::to_string(descriptor.number) + " is open for " +
                              (reads ? "writing only, expected one that can be read"
                                     : "reading only, expected one that can be written to"));
}

/// What moves the bytes of a descriptor. Throws std::invalid_argument for what is neither a pipe nor a socket
/// nor a character device (contract P1) or is open for the other direction only, OsError.
kernel::ChannelKind kind_of_pipe(FileDescriptor descriptor, bool reads) {
  struct stat status {};
  if (net::call::fstat(descriptor, &status) != 0) {
    throw OsError(std::error_code(errno, std::system_category()),
                  "fstat of descriptor " + std::to_string(descriptor.number));
  }
  if (S_ISSOCK(status.st_mode)) return kernel::ChannelKind::socket;
  if (!S_ISFIFO(status.st_mode) && !S_ISCHR(status.st_mode))
    throw std::invalid_argument("Pipe transport is for pipes/sockets only.");
  check_direction(descriptor, reads);
  return kernel::ChannelKind::file;
}

/// Takes over what was checked. Throws OsError, std::bad_alloc; the descriptor is closed then.
OwnedPipe attach_pipe(Loop& loop, OwnedFileDescriptor descriptor, kernel::ChannelKind kind) {
  net::set_close_on_exec(descriptor.get());
  net::NonblockingLoan loan(descriptor.get());
  kernel::Backend& backend = loop.core().backend();
  const kernel::ChannelId channel = kind == kernel::ChannelKind::socket
                                        ? backend.attach(std::move(descriptor))
                                        : backend.attach_file(std::move(descriptor));
  return {.channel = OwnedChannel(loop.core(), channel), .loan = std::move(loan)};
}

/// Another number for the same open file. The one that was given can stay with whoever has it.
OwnedFileDescriptor duplicate(FileDescriptor descriptor) {
  const int number = net::call::fcntl(descriptor, F_DUPFD_CLOEXEC, kFirstOwnDescriptor);
  if (number < 0) throw OsError(std::error_code(errno, std::system_category()), "duplicate a descriptor");
  return OwnedFileDescriptor(FileDescriptor{number});
}

Task<Connection<BaseProtocol>> establish_pipe(Loop& loop, ProtocolFactory factory, OwnedPipe pipe,
                                              Direction direction) {
  auto protocol = factory();
  auto transport = StreamTransport::make_pipe(loop.core(), pipe, protocol, direction);
  auto opening = transport::open_connection(std::move(transport), std::move(protocol));
  co_return co_await std::move(opening);
}

Direction direction_of(bool reads) noexcept { return reads ? Direction::read : Direction::write; }

}  // namespace

Task<Connection<BaseProtocol>> Loop::connect_pipe(ProtocolFactory factory, OwnedFileDescriptor& descriptor,
                                                  bool reads) {
  const kernel::ChannelKind kind =
      kind_of_pipe(descriptor.get(), reads);  // it stays the caller's where this throws
  return establish_pipe(*this, std::move(factory), attach_pipe(*this, std::move(descriptor), kind),
                        direction_of(reads));
}

Task<Connection<BaseProtocol>> Loop::connect_pipe(ProtocolFactory factory, FileDescriptor descriptor,
                                                  bool reads) {
  const kernel::ChannelKind kind = kind_of_pipe(descriptor, reads);
  return establish_pipe(*this, std::move(factory), attach_pipe(*this, duplicate(descriptor), kind),
                        direction_of(reads));
}

}  // namespace tidegate
