// The seam on a simulated kernel, up to the wait: descriptors, and what is started, sent and given up. What
// becomes of it is in sim_dispatch.cpp.
#include "kernel/sim/sim_backend.hpp"

#include <tidegate/error.hpp>

#include "base/lies_in.hpp"
#include "kernel/socket_calls.hpp"

#include <algorithm>
#include <cerrno>
#include <new>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tidegate::kernel::sim {

SimBackend::SimBackend(World& world)
    : world_(world),
      scratch_(std::make_unique_for_overwrite<std::byte[]>(kScratchBytes)),
      jobs_(std::make_shared<std::map<std::uint64_t, Callback>>()) {}

SimBackend::~SimBackend() = default;

// --- what else there is --------------------------------------------------------------------------

namespace {

OwnedFileDescriptor checked(int number, const char* what) {
  if (number < 0) throw OsError(std::error_code(-number, std::system_category()), what);
  return OwnedFileDescriptor(FileDescriptor{number});
}

}  // namespace

Socket SimBackend::make_socket(AddressFamily family, net::SocketType type) {
  if (family == AddressFamily::unspecified) throw std::invalid_argument("a socket needs an address family");
  const int native_type = type == net::SocketType::stream ? SOCK_STREAM : SOCK_DGRAM;
  return Socket(checked(world_.socket(net::to_native(family), native_type), "socket"));
}

std::optional<std::vector<Endpoint>> SimBackend::addresses_of(std::string_view name) const {
  return world_.addresses_of(name);
}

/// A job has a moment on the network of its own, like everything that happens beside the loop.
bool SimBackend::run_apart(Callback& job) {
  const std::uint64_t number = ++last_job_;
  const Duration takes = world_.chance().between(conditions().shortest_latency, conditions().longest_latency);
  const std::weak_ptr<std::map<std::uint64_t, Callback>> jobs = jobs_;
  world_.at(world_.now() + takes, [jobs, number] {
    const auto open = jobs.lock();
    if (open == nullptr) return;  // the loop has gone
    const auto found = open->find(number);
    if (found == open->end()) return;
    Callback now_due = std::move(found->second);
    open->erase(found);
    now_due();
  });
  jobs_->emplace(number, std::move(job));
  return true;
}

// --- descriptors ---------------------------------------------------------------------------------

ChannelId SimBackend::attach(OwnedFileDescriptor descriptor) {
  const FileDescriptor number = descriptor.get();
  if (!base::is_simulated(number) || &base::simulated_descriptors(number) != &world_) {
    throw OsError(std::make_error_code(std::errc::invalid_argument),
                  "descriptor " + std::to_string(number.number) + " is not of this simulated network");
  }
  // Whoever has watched it and closed it without remove_reader loses it now.
  if (SimSlot* stale = slots_.find(place_of(number)); stale != nullptr && stale->generation != 0) {
    const ChannelId channel{static_cast<std::uint32_t>(place_of(number).number), stale->generation};
    if (stale->input != nullptr) cancel(*stale->input, channel);
    if (stale->output != nullptr) cancel(*stale->output, channel);
  }
  const ChannelId channel = slots_.open(place_of(number), true);
  static_cast<void>(descriptor.release());
  return channel;
}

ChannelId SimBackend::attach_file(OwnedFileDescriptor descriptor) {
  const ChannelId channel = attach(std::move(descriptor));
  slots_.known(channel).channel_kind = ChannelKind::file;
  return channel;
}

FileDescriptor SimBackend::descriptor(ChannelId channel) const noexcept {
  return slots_.find(channel) != nullptr ? descriptor_of(channel) : FileDescriptor();
}

bool SimBackend::owns(FileDescriptor descriptor) const noexcept {
  if (!base::is_simulated(descriptor)) return false;
  const SimSlot* slot = slots_.find(place_of(descriptor));
  return slot != nullptr && slot->generation != 0 && slot->owned;
}

void SimBackend::close(ChannelId channel) noexcept { detach(channel).reset(); }

OwnedFileDescriptor SimBackend::detach(ChannelId channel) noexcept {
  SimSlot* slot = slots_.find(channel);
  if (slot == nullptr) return {};
  *slot = SimSlot{};
  return OwnedFileDescriptor(descriptor_of(channel));
}

// --- operations ----------------------------------------------------------------------------------

void SimBackend::start_input(Operation& operation, SimSlot::Input kind, ChannelId channel) noexcept {
  arm(operation);
  if (SimSlot* slot = slots_.find(channel)) {
    slot->set_input(&operation, kind);
  } else {
    done_.push(operation, -EBADF);
  }
}

void SimBackend::start_output(Operation& operation, SimSlot::Output kind, ChannelId channel) noexcept {
  arm(operation);
  if (SimSlot* slot = slots_.find(channel)) {
    slot->set_output(&operation, kind);
  } else {
    done_.push(operation, -EBADF);
  }
}

void SimBackend::start(ReceiveOperation& operation, ChannelId channel) noexcept {
  start_input(operation, SimSlot::Input::receive, channel);
}

void SimBackend::start(SendOperation& operation, ChannelId channel) noexcept {
  start_output(operation, SimSlot::Output::send, channel);
}

void SimBackend::start(FileSendOperation& operation, ChannelId channel) noexcept {
  start_output(operation, SimSlot::Output::file, channel);
}

void SimBackend::start(AcceptOperation& operation, ChannelId channel) noexcept {
  start_input(operation, SimSlot::Input::accept, channel);
}

void SimBackend::start(DatagramReceiveOperation& operation, ChannelId channel) noexcept {
  start_input(operation, SimSlot::Input::datagrams, channel);
}

void SimBackend::start(DatagramSendOperation& operation, ChannelId channel) noexcept {
  start_output(operation, SimSlot::Output::datagrams, channel);
}

void SimBackend::watch_hangup(ReceiveOperation& operation, ChannelId channel) noexcept {
  start_input(operation, SimSlot::Input::hangup, channel);
}

void SimBackend::start(ConnectOperation& operation, ChannelId channel) noexcept {
  const net::SocketAddress& address = operation.address();
  int outcome = 0;
  do {
    outcome = world_.connect(descriptor(channel).number, address.get(), address.length);
  } while (outcome == -EINTR);
  if (outcome == -EINPROGRESS) {
    start_output(operation, SimSlot::Output::connect, channel);
    return;
  }
  arm(operation);
  done_.push(operation, outcome);
}

void SimBackend::start(PollOperation& operation, FileDescriptor descriptor, Readiness readiness) {
  if (!base::is_simulated(descriptor)) {
    throw OsError(
        std::make_error_code(std::errc::operation_not_permitted),
        "watch descriptor " + std::to_string(descriptor.number) + " of the system's on a simulated network");
  }
  if (const int flags = world_.fcntl(descriptor.number, F_GETFD, 0); flags < 0) {
    throw OsError(std::error_code(-flags, std::system_category()),
                  "watch descriptor " + std::to_string(descriptor.number));
  }
  SimSlot& slot = slots_.at(place_of(descriptor));
  if (slot.generation == 0) static_cast<void>(slots_.open(place_of(descriptor), false));
  arm(operation);
  if (readiness == Readiness::readable) {
    slot.set_input(&operation, SimSlot::Input::poll);
  } else {
    slot.set_output(&operation, SimSlot::Output::poll);
  }
}

void SimBackend::cancel(Operation& operation, ChannelId channel) noexcept {
  if (!armed(operation)) return;
  if (const auto under_way = find_under_way(operation); under_way != under_way_.end()) {
    // It had left before the kernel heard that it is not wanted any more.
    if (!under_way->result && happens(conditions().late_report))
      static_cast<void>(call_send(channel, under_way->pieces));
    retire(under_way);
  }
  done_.push(operation, -ECANCELED);
  if (SimSlot* slot = slots_.find(channel)) forget(operation, *slot);
}

void SimBackend::cancel(PollOperation& operation, FileDescriptor descriptor) noexcept {
  if (!armed(operation)) return;
  done_.push(operation, -ECANCELED);
  SimSlot* slot = slots_.find(place_of(descriptor));
  if (slot == nullptr) return;
  forget(operation, *slot);
  if (!slot->owned && slot->input == nullptr && slot->output == nullptr) *slot = SimSlot{};
}

void SimBackend::forget(const Operation& operation, SimSlot& slot) noexcept {
  if (slot.input == &operation) slot.clear_input();
  if (slot.output == &operation) slot.clear_output();
}

void SimBackend::resume(ReceiveOperation& operation, ChannelId) noexcept { set_held(operation, false); }

void SimBackend::resume(DatagramReceiveOperation& operation, ChannelId) noexcept {
  set_held(operation, false);
}

void SimBackend::drain(ReceiveOperation& operation, ChannelId) noexcept { set_drains(operation); }

// --- sending -------------------------------------------------------------------------------------

int SimBackend::refusal_of(Call call) noexcept {
  int refusal = 0;
  do {
    refusal = world_.refusal_of(call);
  } while (refusal == -EINTR);
  return refusal;
}

std::ptrdiff_t SimBackend::call_send(ChannelId channel, std::span<const iovec> pieces) noexcept {
  const SimSlot* slot = slots_.find(channel);
  const bool is_file = slot != nullptr && slot->channel_kind == ChannelKind::file;
  if (const int refusal = refusal_of(is_file ? Call::write : Call::send); refusal != 0) return refusal;
  return put(channel, pieces);
}

std::ptrdiff_t SimBackend::put(ChannelId channel, std::span<const iovec> pieces) noexcept {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces.data());  // only read
  message.msg_iovlen = pieces.size();
  return world_.sendmsg(descriptor_of(channel).number, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

std::ptrdiff_t SimBackend::try_send(ChannelId channel, std::span<iovec> pieces) noexcept {
  return call_send(channel, pieces);
}

std::ptrdiff_t SimBackend::send(SendOperation& operation, ChannelId channel,
                                std::span<iovec> pieces) noexcept {
  return begin_or_send(operation, channel, pieces);
}

std::ptrdiff_t SimBackend::send(SendOperation& operation, ChannelId channel, BytesView piece) noexcept {
  constexpr double kInterruptions = 0.1;  // of the chance that it takes a part only
  if (happens(conditions().short_transfer * kInterruptions)) return -EINTR;
  const iovec pieces{.iov_base = const_cast<std::byte*>(piece.data()), .iov_len = piece.size()};  // only read
  return begin_or_send(operation, channel, {&pieces, 1});
}

std::ptrdiff_t SimBackend::begin_or_send(SendOperation& operation, ChannelId channel,
                                         std::span<const iovec> pieces) noexcept {
  if (happens(conditions().late_report) && begin(operation, channel, pieces)) return kUnderWay;
  return call_send(channel, pieces);
}

/// False where there is no memory to remember it by: then it is made at once.
bool SimBackend::begin(SendOperation& operation, ChannelId channel, std::span<const iovec> pieces) noexcept {
  SimSlot* slot = slots_.find(channel);
  if (slot == nullptr) return false;
  try {
    const BytesView first(pieces.front().iov_base, pieces.front().iov_len);
    const bool lies_in_lent = lent_ != nullptr && base::lies_in(first, BytesView(lent_.get(), lent_bytes_));
    retired_.reserve(retired_.size() + under_way_.size() + 1);  // so that `retire` needs no memory
    under_way_.push_back({.operation = &operation,
                          .channel = channel,
                          .pieces = {pieces.begin(), pieces.end()},
                          .lent = lies_in_lent ? lent_ : nullptr,
                          .result = {}});
  } catch (const std::bad_alloc&) {
    return false;
  }
  arm(operation);
  slot->set_output(&operation, SimSlot::Output::under_way);
  return true;
}

std::vector<SimBackend::UnderWay>::iterator SimBackend::find_under_way(const Operation& operation) noexcept {
  return std::find_if(under_way_.begin(), under_way_.end(),
                      [&](const UnderWay& each) { return each.operation == &operation; });
}

void SimBackend::retire(std::vector<UnderWay>::iterator under_way) noexcept {
  retired_.push_back(std::move(*under_way));
  under_way_.erase(under_way);
}

std::ptrdiff_t SimBackend::conclude(SendOperation& operation, ChannelId channel) noexcept {
  const auto under_way = find_under_way(operation);
  if (under_way == under_way_.end()) return kUnderWay;  // it was started because the kernel was full
  const std::ptrdiff_t result =
      under_way->result ? *under_way->result : call_send(channel, under_way->pieces);
  retire(under_way);
  SimSlot& slot = slots_.known(channel);
  if (result == -EAGAIN) {
    slot.set_output(&operation, SimSlot::Output::send);
    return kUnderWay;
  }
  slot.clear_output();
  disarm(operation);
  return result;
}

void SimBackend::submit() noexcept {
  for (UnderWay& each : under_way_) {
    if (!each.result) each.result = call_send(each.channel, each.pieces);
  }
}

std::ptrdiff_t SimBackend::try_send_file(ChannelId channel, const FilePart& part) noexcept {
  constexpr std::size_t kMostBytes = std::size_t{64} * 1024;
  if (base::is_simulated(part.file)) return -ESPIPE;  // a socket or a pipe
  if (const int refusal = refusal_of(Call::send_file); refusal != 0) return refusal;
  const std::size_t size = std::min({part.size_bytes, kMostBytes, kScratchBytes});
  const ssize_t count = ::pread(part.file.number, scratch_.get(), size, static_cast<off_t>(part.offset));
  if (count <= 0) return count == 0 ? 0 : -errno;
  const iovec piece{.iov_base = scratch_.get(), .iov_len = static_cast<std::size_t>(count)};
  return put(channel, {&piece, 1});
}

std::ptrdiff_t SimBackend::try_send(DatagramSendOperation&, ChannelId channel,
                                    std::span<const OutgoingDatagram> datagrams) noexcept {
  if (const int refusal = refusal_of(Call::send_datagrams); refusal != 0) return refusal;
  std::ptrdiff_t sent = 0;
  for (const OutgoingDatagram& datagram :
       datagrams.first(std::min(datagrams.size(), DatagramSendOperation::kBatch))) {
    // Both are only read.
    iovec piece{.iov_base = const_cast<std::byte*>(datagram.bytes.data()), .iov_len = datagram.bytes.size()};
    msghdr message{};
    message.msg_name = const_cast<std::byte*>(datagram.address.data());
    message.msg_namelen = static_cast<socklen_t>(datagram.address.size());
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    const std::ptrdiff_t outcome =
        world_.sendmsg(descriptor_of(channel).number, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (outcome < 0) return sent > 0 ? sent : outcome;
    ++sent;
  }
  return sent;
}

}  // namespace tidegate::kernel::sim
