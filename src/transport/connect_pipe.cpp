// Loop::connect_read_pipe and connect_write_pipe: one direction over a descriptor that is open already.
#include <tidegate/loop.hpp>

#include "net/socket_options.hpp"
#include "transport/open_connection.hpp"
#include "transport/pipe_loan.hpp"
#include "transport/stream_transport.hpp"

#include <cerrno>
#include <stdexcept>
#include <string>
#include <utility>

#include <sys/stat.h>

namespace tidegate {

namespace {

using transport::Direction;
using transport::OwnedPipe;
using transport::PipeLoan;
using transport::StreamTransport;

constexpr int kLastStandardDescriptor = 2;

/// What moves the bytes of a descriptor. Throws std::invalid_argument for what is neither a pipe nor a socket
/// nor a character device (contract P1), OsError.
kernel::ChannelKind kind_of_pipe(FileDescriptor descriptor) {
  struct stat status {};
  if (::fstat(descriptor.number, &status) != 0) {
    throw OsError(std::error_code(errno, std::system_category()),
                  "fstat of descriptor " + std::to_string(descriptor.number));
  }
  if (S_ISSOCK(status.st_mode)) return kernel::ChannelKind::socket;
  if (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode)) return kernel::ChannelKind::file;
  throw std::invalid_argument("Pipe transport is for pipes/sockets only.");
}

/// Nothing is changed where this throws.
kernel::ChannelKind check_usable(Loop& loop, FileDescriptor descriptor) {
  const kernel::ChannelKind kind = kind_of_pipe(descriptor);
  if (loop.core().backend().owns(descriptor)) {
    throw InvalidStateError("file descriptor " + std::to_string(descriptor.number) +
                            " is used by a transport");
  }
  return kind;
}

/// `descriptor` may be somebody else's, who has it back when the result ends.
OwnedPipe attach_pipe(Loop& loop, OwnedFileDescriptor descriptor, kernel::ChannelKind kind, bool borrowed) {
  // Given back by hand until the pipe owns it: a borrowed one must not be closed.
  PipeLoan loan{.nonblocking = {}, .borrowed = borrowed};
  const FileDescriptor where = descriptor.get();
  kernel::Backend& backend = loop.core().backend();
  try {
    loan.nonblocking = net::NonblockingLoan(where);
    // A standard descriptor is there to be inherited.
    if (!borrowed && where.number > kLastStandardDescriptor) net::set_close_on_exec(where);
  } catch (...) {
    loan.give_back(std::move(descriptor));
    throw;
  }
  if (borrowed) static_cast<void>(descriptor.release());  // `attach` closes what it refuses
  OwnedFileDescriptor attached(where);
  const kernel::ChannelId channel = kind == kernel::ChannelKind::socket
                                        ? backend.attach(std::move(attached))
                                        : backend.attach_file(std::move(attached));
  return {loop.core(), channel, std::move(loan)};
}

Task<Connection<BaseProtocol>> establish_pipe(ProtocolFactory factory, Loop& loop, OwnedPipe pipe,
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
  const kernel::ChannelKind kind = check_usable(*this, descriptor.get());
  return establish_pipe(std::move(factory), *this, attach_pipe(*this, std::move(descriptor), kind, false),
                        direction_of(reads));
}

Task<Connection<BaseProtocol>> Loop::connect_pipe(ProtocolFactory factory, FileDescriptor descriptor,
                                                  bool reads) {
  const kernel::ChannelKind kind = check_usable(*this, descriptor);
  return establish_pipe(std::move(factory), *this,
                        attach_pipe(*this, OwnedFileDescriptor(descriptor), kind, true), direction_of(reads));
}

}  // namespace tidegate
