// The table of a world's numbers, which passes each call on to what the number stands for: see world.hpp.
#include "kernel/sim/datagram_socket.hpp"
#include "kernel/sim/environment.hpp"
#include "kernel/sim/file.hpp"
#include "kernel/sim/pipe.hpp"
#include "kernel/sim/stream_socket.hpp"
#include "kernel/sim/world.hpp"

#include <cerrno>
#include <cstring>
#include <new>

#include <fcntl.h>
#include <poll.h>

namespace tidegate::kernel::sim {

namespace {

FileDescriptor descriptor_at(std::size_t place) noexcept {
  return FileDescriptor{base::kFirstSimulatedNumber + static_cast<int>(place)};
}

std::size_t place_of(int number) noexcept {
  return static_cast<std::size_t>(number) - std::size_t{base::kFirstSimulatedNumber};
}

bool passes_descriptors(const msghdr& message) noexcept {
  auto* const read = const_cast<msghdr*>(&message);  // the macros know no const
  for (const cmsghdr* part = CMSG_FIRSTHDR(read); part != nullptr;
       part = CMSG_NXTHDR(read, const_cast<cmsghdr*>(part))) {
    if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_RIGHTS) return true;
  }
  return false;
}

}  // namespace

/// What duplicates of a descriptor share; closes it with the last of them.
struct World::Description {
  Description(std::shared_ptr<File> opened, int flags) noexcept
      : file(std::move(opened)), status_flags(flags) {}
  Description(const Description&) = delete;
  Description& operator=(const Description&) = delete;
  ~Description() {
    if (file != nullptr) file->close();  // null: nothing was there to accept
  }

  std::shared_ptr<File> file;
  int status_flags;
};

// --- the table ---------------------------------------------------------------------------------------------

World::Entry* World::find(int number) const noexcept {
  if (number < base::kFirstSimulatedNumber) return nullptr;
  const std::size_t place = place_of(number);
  if (place >= entries_.size() || entries_[place].description == nullptr) return nullptr;
  return &entries_[place];
}

File* World::file(int number) const noexcept {
  const Entry* entry = find(number);
  return entry == nullptr ? nullptr : entry->description->file.get();
}

template <typename Make>
int World::open(const Make& make) noexcept {
  FileDescriptor descriptor;
  try {
    descriptor = base::new_simulated_number(*this);
    const std::size_t place = place_of(descriptor.number);
    if (entries_.size() <= place) entries_.resize(place + 1);
    Entry entry;
    const int error = make(entry);
    if (error != 0) {
      base::forget_simulated_number(descriptor);
      return error;
    }
    entry.descriptor_flags = FD_CLOEXEC;
    entries_[place] = std::move(entry);
  } catch (const std::bad_alloc&) {
    if (descriptor.valid()) base::forget_simulated_number(descriptor);
    return -ENOMEM;
  }
  ++open_;
  return descriptor.number;
}

int World::open_file(const std::shared_ptr<File>& file, int status_flags) noexcept {
  return open([&](Entry& entry) {
    entry.description = std::make_shared<Description>(file, status_flags);
    entry.name = file->name();
    return 0;
  });
}

void World::close_all() noexcept {
  for (std::size_t place = 0; place < entries_.size(); ++place) {
    if (entries_[place].description != nullptr) close(descriptor_at(place).number);
  }
}

std::uint32_t World::name_of(int number) const noexcept {
  const Entry* entry = find(number);
  return entry == nullptr ? 0 : entry->name;
}

std::size_t World::open_descriptors() const noexcept { return open_; }

// --- making ------------------------------------------------------------------------------------------------

int World::socket(int domain, int type) noexcept {
  if (domain != AF_INET && domain != AF_INET6 && domain != AF_UNIX) return -EAFNOSUPPORT;
  if (type != SOCK_STREAM && type != SOCK_DGRAM) return -EPROTONOSUPPORT;
  if (const int refusal = refusal_of(Call::make_socket); refusal != 0) return refusal;
  try {
    if (type == SOCK_DGRAM)
      return open_file(std::make_shared<DatagramSocket>(*environment_, domain), O_NONBLOCK | O_RDWR);
    return open_file(std::make_shared<StreamSocket>(*environment_, domain), O_NONBLOCK | O_RDWR);
  } catch (const std::bad_alloc&) {
    return -ENOMEM;
  }
}

int World::open_two(const std::shared_ptr<File>& first, int first_flags, const std::shared_ptr<File>& second,
                    int second_flags, int (&numbers)[2]) noexcept {
  const int one = open_file(first, O_NONBLOCK | first_flags);
  if (one < 0) return one;
  const int other = open_file(second, O_NONBLOCK | second_flags);
  if (other < 0) {
    close(one);
    return other;
  }
  numbers[0] = one;
  numbers[1] = other;
  return 0;
}

int World::socket_pair(int type, int (&numbers)[2]) noexcept {
  if (type != SOCK_STREAM && type != SOCK_DGRAM) return -EPROTONOSUPPORT;
  try {
    if (type == SOCK_DGRAM) {
      const auto first = std::make_shared<DatagramSocket>(*environment_, AF_UNIX);
      const auto second = std::make_shared<DatagramSocket>(*environment_, AF_UNIX);
      DatagramSocket::pair(first, second);
      return open_two(first, O_RDWR, second, O_RDWR, numbers);
    }
    const SocketOptions options(AF_UNIX, SOCK_STREAM, conditions_);
    const auto connection = std::make_shared<Connection>(*environment_, options, environment_->new_name());
    const auto first = std::make_shared<StreamSocket>(*environment_, connection, Side::connecting);
    connection->establish(options);
    const auto second = std::make_shared<StreamSocket>(*environment_, connection, Side::accepted);
    return open_two(first, O_RDWR, second, O_RDWR, numbers);
  } catch (const std::bad_alloc&) {
    return -ENOMEM;
  }
}

int World::pipe(int (&numbers)[2]) noexcept {
  try {
    const auto pipe = std::make_shared<Pipe>();
    const auto reader = std::make_shared<PipeEnd>(*environment_, pipe, PipeEnd::Kind::read);
    const auto writer = std::make_shared<PipeEnd>(*environment_, pipe, PipeEnd::Kind::write);
    return open_two(reader, O_RDONLY, writer, O_WRONLY, numbers);
  } catch (const std::bad_alloc&) {
    return -ENOMEM;
  }
}

// --- calls on any descriptor
// ---------------------------------------------------------------------------------

int World::close(int number) noexcept {
  Entry* entry = find(number);
  if (entry == nullptr) return -EBADF;
  base::forget_simulated_number(FileDescriptor{number});
  --open_;
  // The table is as it will be before anybody is told.
  const std::shared_ptr<Description> last = std::move(entry->description);
  return 0;
}

std::ptrdiff_t World::recvmsg(int number, msghdr* message, int flags) noexcept {
  File* opened = file(number);
  if (opened == nullptr) return -EBADF;
  if ((flags & MSG_OOB) != 0) return -EOPNOTSUPP;
  return opened->receive(*message, flags);
}

std::ptrdiff_t World::sendmsg(int number, const msghdr* message, int flags) noexcept {
  File* opened = file(number);
  if (opened == nullptr) return -EBADF;
  if ((flags & MSG_OOB) != 0 || passes_descriptors(*message)) return -EOPNOTSUPP;
  return opened->send(*message);
}

int World::fcntl(int number, int command, int argument) noexcept {
  constexpr int kMayChange = O_NONBLOCK | O_APPEND;
  Entry* entry = find(number);
  if (entry == nullptr) return -EBADF;
  Description& description = *entry->description;
  PipeEnd* const pipe = description.file->as_pipe();
  switch (command) {
    case F_GETFL:
      return description.status_flags;
    case F_SETFL:
      description.status_flags = (description.status_flags & ~kMayChange) | (argument & kMayChange);
      return 0;
    case F_GETFD:
      return entry->descriptor_flags;
    case F_SETFD:
      entry->descriptor_flags = argument & FD_CLOEXEC;
      return 0;
    case F_DUPFD:
    case F_DUPFD_CLOEXEC: {
      // `entry` moves when the table grows.
      const std::shared_ptr<Description> shared = entry->description;
      const int duplicate = open([&](Entry& made) {
        made.description = shared;
        made.name = environment_->new_name();
        return 0;
      });
      if (duplicate >= 0 && command == F_DUPFD) find(duplicate)->descriptor_flags = 0;
      return duplicate;
    }
    case F_GETPIPE_SZ:
      return pipe == nullptr ? -EBADF : pipe->capacity();
    case F_SETPIPE_SZ:
      return pipe == nullptr ? -EBADF : pipe->set_capacity(argument);
    default:
      return -EINVAL;
  }
}

int World::fstat(int number, struct stat* status) noexcept {
  File* opened = file(number);
  if (opened == nullptr) return -EBADF;
  if (const int refusal = refusal_of(Call::tell_kind); refusal != 0) return refusal;
  std::memset(status, 0, sizeof(*status));
  status->st_mode = opened->as_pipe() != nullptr ? S_IFIFO | 0600 : S_IFSOCK | 0777;
  status->st_ino = opened->name();
  return 0;
}

short World::poll(int number) noexcept {
  File* opened = file(number);
  return opened == nullptr ? POLLNVAL : opened->poll();
}

// --- calls on sockets --------------------------------------------------------------------------------------

template <typename Call>
int World::call_socket(int number, const Call& call) const noexcept {
  File* opened = file(number);
  if (opened == nullptr) return -EBADF;
  SocketFile* socket = opened->as_socket();
  return socket == nullptr ? -ENOTSOCK : call(*socket);
}

int World::bind(int number, const sockaddr* address, socklen_t length) noexcept {
  if (const int refusal = refusal_of(Call::bind); refusal != 0) return refusal;
  return call_socket(number, [&](SocketFile& socket) { return socket.bind(address, length); });
}

int World::listen(int number, int backlog) noexcept {
  if (const int refusal = refusal_of(Call::listen); refusal != 0) return refusal;
  return call_socket(number, [&](SocketFile& socket) { return socket.listen(backlog); });
}

int World::connect(int number, const sockaddr* address, socklen_t length) noexcept {
  if (const int refusal = refusal_of(Call::connect); refusal != 0) return refusal;
  return call_socket(number, [&](SocketFile& socket) { return socket.connect(address, length); });
}

int World::accept(int number, sockaddr* address, socklen_t* length) noexcept {
  return call_socket(number, [&](SocketFile& socket) {
    return open([&](Entry& entry) {
      // All the memory first: a connection that was taken from the queue can't be put back.
      entry.description = std::make_shared<Description>(nullptr, O_NONBLOCK | O_RDWR);
      const int error = socket.accept(entry.description->file, address, length);
      if (error == 0) entry.name = entry.description->file->name();
      return error;
    });
  });
}

int World::getsockname(int number, sockaddr* address, socklen_t* length) noexcept {
  if (const int refusal = refusal_of(Call::tell_name); refusal != 0) return refusal;
  return call_socket(number, [&](SocketFile& socket) { return socket.getsockname(address, length); });
}

int World::getpeername(int number, sockaddr* address, socklen_t* length) noexcept {
  return call_socket(number, [&](SocketFile& socket) { return socket.getpeername(address, length); });
}

int World::getsockopt(int number, int level, int name, void* value, socklen_t* length) noexcept {
  const int outcome =
      call_socket(number, [&](SocketFile& socket) { return socket.getsockopt(level, name, value, length); });
  if (outcome != 0 || level != SOL_SOCKET || name != SO_ERROR) return outcome;
  const int error = -refusal_of(Call::pending_error);
  return error == 0 ? 0 : tell_option(error, value, length);
}

int World::setsockopt(int number, int level, int name, const void* value, socklen_t length) noexcept {
  const Call call = level == SOL_SOCKET ? Call::set_option : Call::set_protocol_option;
  if (const int refusal = refusal_of(call); refusal != 0) return refusal;
  return call_socket(number,
                     [&](SocketFile& socket) { return socket.setsockopt(level, name, value, length); });
}

int World::shutdown(int number, int how) noexcept {
  return call_socket(number, [&](SocketFile& socket) { return socket.shutdown(how); });
}

}  // namespace tidegate::kernel::sim
