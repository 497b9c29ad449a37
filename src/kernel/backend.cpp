// Choosing a backend, and the bookkeeping that all of them share.
#include "kernel/backend.hpp"

#include "base/log.hpp"
#include "base/simulated_descriptors.hpp"
#include "kernel/epoll/epoll_backend.hpp"
#include "kernel/file_calls.hpp"
#include "kernel/sim/sim_backend.hpp"
#include "kernel/socket_calls.hpp"
#ifdef TIDEGATE_HAS_IO_URING
#include "kernel/uring/uring_backend.hpp"
#endif

#include <cerrno>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <sys/socket.h>

namespace tidegate::kernel {

void Backend::DoneQueue::push(Operation& operation, int result) noexcept {
  operation.progress_ = Operation::Progress::done;
  operation.result_ = result;
  operation.next_done_ = nullptr;
  if (last_ != nullptr) {
    last_->next_done_ = &operation;
  } else {
    first_ = &operation;
  }
  last_ = &operation;
}

void Backend::DoneQueue::tell() {
  // The list is taken whole: an operation that ends again meanwhile goes to a new list.
  Operation* operation = std::exchange(first_, nullptr);
  last_ = nullptr;
  while (operation != nullptr) {
    Operation* next = operation->next_done_;  // read before the callback, which may end the operation's life
    complete(*operation, operation->result_);
    operation = next;
  }
}

namespace {

std::ptrdiff_t input_of(FileDescriptor descriptor, ChannelKind kind, MutableBytesView memory) noexcept {
  if (kind == ChannelKind::file) return read_now(descriptor, memory);
  const std::ptrdiff_t count = ::recv(descriptor.number, memory.data(), memory.size(), MSG_DONTWAIT);
  return count >= 0 ? count : -errno;
}

}  // namespace

Socket Backend::make_socket(AddressFamily family, net::SocketType type) {
  return type == net::SocketType::stream ? Socket::stream(family) : Socket::datagram(family);
}

std::optional<std::vector<Endpoint>> Backend::addresses_of(std::string_view) const { return std::nullopt; }

bool Backend::run_apart(Callback&) { return false; }

void Backend::refuse_simulated(FileDescriptor descriptor) {
  if (!base::is_simulated(descriptor)) return;
  throw OsError(std::make_error_code(std::errc::bad_file_descriptor),
                "descriptor " + std::to_string(descriptor.number) +
                    " is of a simulated network, and the loop is not on it");
}

std::ptrdiff_t Backend::try_send_file(ChannelId channel, const FilePart& part) noexcept {
  return send_file_now(descriptor(channel), part);
}

std::ptrdiff_t Backend::send_part(FileSendOperation& operation, ChannelId channel) noexcept {
  return try_send_file(channel, operation.part());
}

int Backend::hangup_of(FileDescriptor descriptor, ChannelKind kind) noexcept {
  return kind == ChannelKind::file ? -EPIPE : pending_error(descriptor);
}

Backend::Received Backend::receive_now(FileDescriptor descriptor, ChannelKind kind,
                                       ReceiveOperation& operation, MutableBytesView lent, Until until) {
  // A smaller share than 2 MiB leaves the socket full: TCP then never learns that this receiver is the faster
  // one, keeps its window small, and has it do most of the sender's work (on one machine, from inside its
  // calls). Whoever decrypts, or may have to keep it, has more to do for every byte.
  constexpr std::size_t kShareBytes = std::size_t{2} * 1024 * 1024;
  constexpr std::size_t kModestShareBytes = 2 * ReceiveOperation::kModestBytes;
  // Where the memory is the receiver's own, and small.
  constexpr int kMostCalls = kShareBytes / kPieceBytes;
  // Messages again, and they are best received plainly.
  constexpr std::size_t kLittleBytes = std::size_t{4} * 1024;
  const std::size_t share_bytes = modest(operation) ? kModestShareBytes : kShareBytes;
  if (modest(operation)) lent = lent.first(ReceiveOperation::kModestBytes);
  Received received;
  for (int calls = 0; calls < kMostCalls && received.bytes < share_bytes; ++calls) {
    if (!armed(operation) || held(operation)) return received;
    MutableBytesView own;
    if (operation.own_memory()) {
      own = operation.target();
      if (!armed(operation) || held(operation)) return received;
    }
    const MutableBytesView memory = !own.empty()                    ? own
                                    : receives_in_pieces(operation) ? lent.first(kPieceBytes)
                                                                    : lent;
    const std::ptrdiff_t count = input_of(descriptor, kind, memory);
    if (count == -EINTR) continue;
    if (count == -EAGAIN && !drains(operation)) return received;
    if (count == 0 && received.bytes > 0 && kind == ChannelKind::socket) break;  // it says so again
    if (count <= 0) {
      received.end = static_cast<int>(count);
      return received;
    }
    const auto size = static_cast<std::size_t>(count);
    received.bytes += size;
    if (own.empty()) {
      deliver(operation, {memory.data(), size});
      if (size < kLittleBytes) set_receives_in_pieces(operation, false);
    } else {
      operation.filled(size);
    }
    if (size < memory.size() && until == Until::short_read && !drains(operation)) return received;
  }
  received.more = true;
  return received;
}

void Backend::deliver_much(ReceiveOperation& operation, BytesView bytes) {
  has_sent_ = false;
  operation.received(bytes);
  if (!modest(operation)) set_receives_in_pieces(operation, !has_sent_);
}

namespace {

BackendKind wished_by_environment() {
  const char* wish = std::getenv("TIDEGATE_BACKEND");
  const std::string_view name = wish == nullptr ? "" : wish;
  if (name.empty() || name == "auto") return BackendKind::automatic;
  if (name == "epoll") return BackendKind::epoll;
  if (name == "io_uring") return BackendKind::io_uring;
  throw std::invalid_argument("TIDEGATE_BACKEND=\"" + std::string(name) +
                              "\" is not a backend, expected \"auto\", \"epoll\" or \"io_uring\"");
}

const char* name_of(BackendKind kind) noexcept {
  switch (kind) {
    case BackendKind::automatic:
      return "automatic";
    case BackendKind::epoll:
      return "epoll";
    case BackendKind::io_uring:
      return "io_uring";
    case BackendKind::simulated:
      return "simulated";
  }
  return "?";
}

/// Null where the kernel does not grant it: that is the rule in containers, and no reason to stop.
std::unique_ptr<Backend> make_uring_backend() {
#ifdef TIDEGATE_HAS_IO_URING
  const UringOptions options = UringOptions::from_environment();
  try {
    return std::make_unique<UringBackend>(options);
  } catch (const OsError& error) {
    base::log(LogLevel::debug, std::string("io_uring is not available, using epoll: ") + error.what());
  } catch (const std::bad_alloc&) {
    base::log(LogLevel::debug, "io_uring is not available, using epoll: no memory for its buffers");
  }
#else
  base::log(LogLevel::debug, "io_uring is not available, using epoll: this is a build without it");
#endif
  return nullptr;
}

}  // namespace

std::unique_ptr<Backend> make_backend(BackendKind kind, SimulatedNetwork* network) {
  if (network != nullptr) {
    if (kind != BackendKind::automatic && kind != BackendKind::simulated)
      throw std::invalid_argument(std::string("a loop on a simulated network has no other backend, ") +
                                  name_of(kind) + " was asked for");
    return std::make_unique<sim::SimBackend>(network->world());
  }
  if (kind == BackendKind::simulated)
    throw std::invalid_argument("a simulated backend needs a network, expected one in LoopOptions::network");
  if (kind == BackendKind::automatic) kind = wished_by_environment();
  if (kind == BackendKind::io_uring) {
    if (std::unique_ptr<Backend> backend = make_uring_backend()) return backend;
  }
  return std::make_unique<EpollBackend>();
}

}  // namespace tidegate::kernel
