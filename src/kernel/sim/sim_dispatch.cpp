// The seam on a simulated kernel, from the wait on: time passes, and what is due is told.
#include "base/log.hpp"
#include "base/scope_exit.hpp"
#include "kernel/sim/sim_backend.hpp"
#include "kernel/socket_calls.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <new>
#include <string>
#include <utility>

#include <poll.h>
#include <sys/socket.h>

namespace tidegate::kernel::sim {

using namespace std::chrono_literals;

namespace {

constexpr short kBroken = POLLERR | POLLHUP;

/// As far away as the clock can tell: a time-out may be any number.
TimePoint deadline_of(TimePoint now, Duration timeout) noexcept {
  return timeout > TimePoint::max() - now ? TimePoint::max() : now + timeout;
}

}  // namespace

// --- waiting -------------------------------------------------------------------------------------

bool SimBackend::input_is_due(const SimSlot& slot, short events) noexcept {
  if (slot.input == nullptr || held(*slot.input)) return false;
  switch (slot.input_kind) {
    case SimSlot::Input::receive:
      return drains(*slot.input) || (events & (POLLIN | kBroken)) != 0;
    case SimSlot::Input::hangup:
      return (events & kBroken) != 0;
    default:
      return (events & (POLLIN | kBroken)) != 0;
  }
}

bool SimBackend::output_is_due(const SimSlot& slot, short events) noexcept {
  if (slot.output == nullptr) return false;
  return slot.output_kind == SimSlot::Output::under_way || (events & (POLLOUT | kBroken)) != 0;
}

template <typename Tell>
void SimBackend::for_each_due(const Tell& tell) {
  slots_.for_each([&](ChannelId channel, const SimSlot& slot) {
    if (slot.input == nullptr && slot.output == nullptr) return;
    const short events = world_.poll(descriptor_of(channel).number);
    if (input_is_due(slot, events)) tell(Due{channel, true});
    if (output_is_due(slot, events)) tell(Due{channel, false});
  });
}

/// Needs no memory: a loop that has none still waits.
bool SimBackend::has_something_to_do() noexcept {
  bool found = !done_.empty();
  for_each_due([&](const Due&) { found = true; });
  return found;
}

void SimBackend::wait(std::optional<Duration> timeout, Duration) noexcept {
  constexpr Duration kIteration = 1us;
  const TimePoint began = world_.now();
  world_.advance(began + kIteration);
  if (has_something_to_do() || woken() || timeout == Duration::zero()) return;
  const std::optional<TimePoint> deadline =
      timeout ? std::optional(deadline_of(began, *timeout)) : std::nullopt;
  if (happens(conditions().spurious_wakeup)) return;
  for (;;) {
    const std::optional<TimePoint> next = world_.next_event();
    if (next && (!deadline || *next <= *deadline)) {
      world_.advance(*next);
      if (has_something_to_do() || woken()) return;
    } else if (deadline) {
      world_.advance(*deadline);
      return;
    } else {
      return sleep_until_woken();
    }
  }
}

/// Nothing will happen here by itself any more: only another thread, or a signal, can go on. Where there is
/// none, the program hangs, and should know why.
void SimBackend::sleep_until_woken() noexcept {
  constexpr auto kPatience = 1s;
  std::unique_lock lock(sleep_mutex_);
  const auto is_woken = [this] { return woken_.load(); };
  if (!wake_up_.wait_for(lock, kPatience, is_woken)) {
    base::log(
        LogLevel::warning,
        "the simulated network stands still: nothing is under way, no timer is set, and no other thread "
        "has called for a second");
    // A signal handler can't notify anybody: so it is looked for, too.
    while (!wake_up_.wait_for(lock, 10ms, is_woken)) {
    }
  }
  woken_.store(false);
}

/// Signal handlers call it, so it takes no lock: a sleeper looks every now and then.
void SimBackend::wake() noexcept {
  woken_.store(true);
  wake_up_.notify_one();
}

// --- telling -------------------------------------------------------------------------------------

/// Each step may run a callback that closes the channel, and the number may have a new owner at once: so the
/// generation is compared before each, and the kernel is asked again.
void SimBackend::dispatch() {
  retired_.clear();
  std::vector<Due> due;
  for_each_due([&](const Due& each) { due.push_back(each); });
  // The order between descriptors is nobody's promise.
  for (std::size_t left = due.size(); left > 1; --left)
    std::swap(due[left - 1], due[world_.chance().below(left)]);
  for (const Due& each : due) {
    if (happens(conditions().late_report)) continue;  // in the next iteration, or the one after it
    SimSlot* slot = slots_.find(each.channel);
    if (slot == nullptr) continue;
    const short events = world_.poll(descriptor_of(each.channel).number);
    if (each.is_input && input_is_due(*slot, events)) dispatch_input(each.channel, *slot);
    if (!each.is_input && output_is_due(*slot, events)) dispatch_output(each.channel, *slot);
  }
}

void SimBackend::dispatch_input(ChannelId channel, SimSlot& slot) {
  switch (slot.input_kind) {
    case SimSlot::Input::receive:
      return receive(channel, slot);
    case SimSlot::Input::hangup:
      return end_input(slot, hangup_of(descriptor_of(channel), slot.channel_kind));
    case SimSlot::Input::accept:
      return accept(channel, slot);
    case SimSlot::Input::poll:
      return static_cast<PollOperation&>(*slot.input).ready();
    case SimSlot::Input::datagrams:
      return receive_datagrams(channel, slot);
    case SimSlot::Input::none:
      return;
  }
}

void SimBackend::dispatch_output(ChannelId channel, SimSlot& slot) {
  switch (slot.output_kind) {
    case SimSlot::Output::send:
      return send_gathered(channel, slot);
    case SimSlot::Output::under_way:
      return finish_under_way(channel, slot);
    case SimSlot::Output::file: {
      const std::ptrdiff_t result = send_part(static_cast<FileSendOperation&>(*slot.output), channel);
      if (result != -EAGAIN) end_output(slot, static_cast<int>(result));
      return;
    }
    case SimSlot::Output::connect:
      return end_output(slot, pending_error(descriptor_of(channel)));
    case SimSlot::Output::poll:
      return static_cast<PollOperation&>(*slot.output).ready();
    case SimSlot::Output::datagrams: {
      const std::ptrdiff_t result =
          send_gathered_datagrams(static_cast<DatagramSendOperation&>(*slot.output), channel);
      if (result != -EAGAIN) end_output(slot, static_cast<int>(result));
      return;
    }
    case SimSlot::Output::none:
      return;
  }
}

/// As `receive_now` does it for the system's descriptors: bounded, by the moment's manner, and asked anew
/// after each delivery.
void SimBackend::receive(ChannelId channel, SimSlot& slot) {
  constexpr int kMostCalls = 16;
  constexpr std::size_t kMostBytes = std::size_t{256} * 1024;
  const Call call = slot.channel_kind == ChannelKind::file ? Call::read : Call::receive;
  auto& operation = static_cast<ReceiveOperation&>(*slot.input);
  const auto goes_on = [&] { return armed(operation) && !held(operation); };
  std::size_t total_bytes = 0;
  for (int calls = 0; calls < kMostCalls && total_bytes < kMostBytes; ++calls) {
    if (calls > 0 && !goes_on()) return;
    MutableBytesView own;
    if (operation.own_memory()) {
      own = operation.target();
      if (!goes_on()) return;
    }
    const std::size_t room = modest(operation) ? ReceiveOperation::kModestBytes : kScratchBytes;
    const MutableBytesView memory = own.empty() ? MutableBytesView(scratch_.get(), room) : own;
    iovec piece{.iov_base = memory.data(), .iov_len = memory.size()};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    std::ptrdiff_t count = refusal_of(call);
    if (count == 0) count = world_.recvmsg(descriptor_of(channel).number, &message, MSG_DONTWAIT);
    if (count == -EAGAIN && !drains(operation)) return;
    if (count == 0 && total_bytes > 0) return;  // in the next dispatch
    if (count <= 0) return end_input(slot, static_cast<int>(count));
    const auto size = static_cast<std::size_t>(count);
    total_bytes += size;
    if (own.empty()) {
      const Lent lent = lend(size);
      if (lent == nullptr) return end_input(slot, -ENOMEM);  // a gap would be worse
      lent_ = lent;
      lent_bytes_ = size;
      const base::ScopeExit taken_back([this] { lent_ = nullptr; });
      operation.received({lent.get(), size});
    } else {
      operation.filled(size);
    }
    // Mostly one delivery in a turn, as elsewhere.
    if (!armed(operation) || (!drains(operation) && !happens(conditions().short_transfer))) return;
  }
}

SimBackend::Lent SimBackend::lend(std::size_t size_bytes) const noexcept try {
  const Lent lent(new std::byte[size_bytes]);
  if (size_bytes > 0) std::memcpy(lent.get(), scratch_.get(), size_bytes);
  return lent;
} catch (const std::bad_alloc&) {
  return nullptr;
}

void SimBackend::receive_datagrams(ChannelId channel, SimSlot& slot) {
  constexpr int kMost = 32;
  auto& operation = static_cast<DatagramReceiveOperation&>(*slot.input);
  for (int count = 0; count < kMost && armed(operation) && !held(operation); ++count) {
    net::SocketAddress sender;
    iovec piece{.iov_base = scratch_.get(), .iov_len = kScratchBytes};
    msghdr message{};
    message.msg_name = &sender.storage;
    message.msg_namelen = net::SocketAddress::capacity();
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    std::ptrdiff_t size = refusal_of(Call::receive_datagrams);
    if (size == 0) size = world_.recvmsg(descriptor_of(channel).number, &message, MSG_DONTWAIT);
    if (size == -EAGAIN) return;
    if (size < 0) return end_input(slot, static_cast<int>(size));
    if ((message.msg_flags & MSG_TRUNC) != 0) return end_input(slot, -EMSGSIZE);
    sender.length = message.msg_namelen;
    const auto bytes = static_cast<std::size_t>(size);
    const Lent lent = lend(bytes);
    if (lent == nullptr) return end_input(slot, -ENOMEM);
    operation.received({lent.get(), bytes}, sender);
  }
}

void SimBackend::accept(ChannelId channel, SimSlot& slot) {
  auto& operation = static_cast<AcceptOperation&>(*slot.input);
  for (int accepted = 0; accepted < operation.batch() && armed(operation); ++accepted) {
    net::SocketAddress peer;
    peer.length = net::SocketAddress::capacity();
    int number = refusal_of(Call::accept);
    if (number == 0) number = world_.accept(descriptor_of(channel).number, peer.get(), &peer.length);
    if (number == -EAGAIN) return;
    if (number < 0 && concerns_one_connection(-number)) continue;
    if (number < 0) return end_input(slot, number);
    operation.accepted(OwnedFileDescriptor(FileDescriptor{number}), peer);
  }
}

void SimBackend::finish_under_way(ChannelId channel, SimSlot& slot) {
  const auto under_way = find_under_way(*slot.output);
  const std::ptrdiff_t result =
      under_way->result ? *under_way->result : call_send(channel, under_way->pieces);
  const UnderWay kept = std::move(*under_way);  // what was lent stays until `completed` has returned
  under_way_.erase(under_way);
  end_output(slot, static_cast<int>(result));
}

void SimBackend::send_gathered(ChannelId channel, SimSlot& slot) {
  constexpr std::size_t kPieces = 64;
  std::array<iovec, kPieces> pieces;
  const std::size_t count = static_cast<SendOperation&>(*slot.output).gather(pieces);
  const std::ptrdiff_t result = call_send(channel, std::span(pieces).first(count));
  if (result != -EAGAIN) end_output(slot, static_cast<int>(result));
}

void SimBackend::end_input(SimSlot& slot, int result) {
  Operation& operation = *slot.input;
  slot.clear_input();
  complete(operation, result);
}

void SimBackend::end_output(SimSlot& slot, int result) {
  Operation& operation = *slot.output;
  slot.clear_output();
  complete(operation, result);
}

}  // namespace tidegate::kernel::sim
