// The seam on io_uring: descriptors, what is started and given up, and the wait. What is sent is in
// uring_output.cpp, what becomes of it all in uring_dispatch.cpp.
#include "kernel/uring/uring_backend.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace tidegate::kernel {

namespace {

OwnedFileDescriptor checked(int number, const char* attempted) {
  if (number < 0) throw OsError(std::error_code(errno, std::system_category()), attempted);
  return OwnedFileDescriptor(FileDescriptor{number});
}

}  // namespace

UringBackend::UringBackend(const UringOptions& options)
    : wake_(checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")),
      options_(options),
      ring_(std::make_unique<Ring>(options)),
      buffers_(std::make_unique<BufferRing>(*ring_, options)),
      lent_(std::make_unique_for_overwrite<std::byte[]>(kLentBytes)) {
  request_wake();
}

UringBackend::~UringBackend() {
  end_all_requests();
  ring_.reset();  // before the buffers
}

// --- descriptors ---------------------------------------------------------------------------------

ChannelId UringBackend::open_slot(FileDescriptor descriptor, bool owned) {
  const ChannelId channel = slots_.open(descriptor, owned);
  try {
    // So that what is due can be noted without memory.
    ++open_slots_;
    // Twice: what is being looked at leaves the list when all of that is over.
    if (due_.capacity() < 2 * open_slots_) due_.reserve(4 * open_slots_);
  } catch (...) {
    close_slot(channel, *slots_.find(channel));
    throw;
  }
  return channel;
}

/// What was kept for it goes as well.
void UringBackend::close_slot(ChannelId channel, UringSlot& slot) noexcept {
  if (slot.has_parked) parked_.erase(channel.index);
  kept_datagrams_.forget(channel);
  slot = UringSlot{};
  --open_slots_;
}

ChannelId UringBackend::attach(OwnedFileDescriptor descriptor) {
  refuse_simulated(descriptor.get());
  const int number = descriptor.get().number;
  if (static_cast<std::uint32_t>(number) > RequestTag::kMaxIndex)
    throw OsError(std::error_code(EMFILE, std::system_category()), "a descriptor number that is too large");
  // A slot that is still in use here belongs to somebody who closed a descriptor of theirs without
  // remove_reader: the number is ours now.
  if (UringSlot* stale = slots_.find(descriptor.get()); stale != nullptr && stale->generation != 0) {
    base::log(LogLevel::warning, "a watched descriptor was closed without remove_reader/remove_writer");
    const ChannelId channel{static_cast<std::uint32_t>(number), stale->generation};
    if (stale->input != nullptr) cancel(*stale->input, channel);
    if (stale->output != nullptr) cancel(*stale->output, channel);
    stop_at_once(channel, *stale);
    close_slot(channel, *stale);
  }
  const ChannelId channel = open_slot(descriptor.get(), true);
  static_cast<void>(descriptor.release());
  return channel;
}

ChannelId UringBackend::attach_file(OwnedFileDescriptor descriptor) {
  const ChannelId channel = attach(std::move(descriptor));
  slots_.known(channel).channel_kind = ChannelKind::file;
  slots_.known(channel).receives_in_bulk = true;  // for good: a receive request is for sockets
  return channel;
}

FileDescriptor UringBackend::descriptor(ChannelId channel) const noexcept {
  return slots_.find(channel) != nullptr ? descriptor_of(channel) : FileDescriptor();
}

bool UringBackend::owns(FileDescriptor descriptor) const noexcept {
  const UringSlot* slot = slots_.find(descriptor);
  return slot != nullptr && slot->generation != 0 && slot->owned;
}

void UringBackend::close(ChannelId channel) noexcept { detach(channel).reset(); }

OwnedFileDescriptor UringBackend::detach(ChannelId channel) noexcept {
  UringSlot* slot = slots_.find(channel);
  if (slot == nullptr) return {};
  stop_at_once(channel, *slot);
  close_slot(channel, *slot);
  return OwnedFileDescriptor(descriptor_of(channel));
}

// --- input ---------------------------------------------------------------------------------------

void UringBackend::start_input(Operation& operation, UringSlot::Input kind, ChannelId channel) noexcept {
  arm(operation);
  UringSlot* slot = slots_.find(channel);
  if (slot == nullptr) {
    done_.push(operation, -EBADF);
    return;
  }
  slot->set_input(&operation, kind);
  look_behind_watch(channel, *slot);
  arm_input(channel, *slot);
}

/// A watch tells of what arrives from now on, and something may be there already.
void UringBackend::look_behind_watch(ChannelId channel, UringSlot& slot) noexcept {
  if (slot.input_request == Request::watch_input) look_at_soon(channel, slot);
}

void UringBackend::start(ReceiveOperation& operation, ChannelId channel) noexcept {
  start_input(operation, UringSlot::Input::receive, channel);
}

void UringBackend::start(AcceptOperation& operation, ChannelId channel) noexcept {
  start_input(operation, UringSlot::Input::accept, channel);
}

void UringBackend::start(DatagramReceiveOperation& operation, ChannelId channel) noexcept {
  start_input(operation, UringSlot::Input::datagrams, channel);
}

void UringBackend::watch_hangup(ReceiveOperation& operation, ChannelId channel) noexcept {
  start_input(operation, UringSlot::Input::hangup, channel);
}

void UringBackend::hold(ReceiveOperation& operation) noexcept { set_held(operation, true); }

void UringBackend::resume(ReceiveOperation& operation, ChannelId channel) noexcept {
  set_held(operation, false);
  if (armed(operation)) continue_input(channel);
}

void UringBackend::resume(DatagramReceiveOperation& operation, ChannelId channel) noexcept {
  set_held(operation, false);
  if (armed(operation)) continue_input(channel);
}

void UringBackend::continue_input(ChannelId channel) noexcept {
  if (UringSlot* slot = slots_.find(channel)) {
    look_behind_watch(channel, *slot);
    arm_input(channel, *slot);
  }
}

void UringBackend::drain(ReceiveOperation& operation, ChannelId channel) noexcept {
  set_drains(operation);
  if (!armed(operation)) return;
  if (UringSlot* slot = slots_.find(channel)) arm_input(channel, *slot);
}

void UringBackend::look_at_soon(ChannelId channel, UringSlot& slot) noexcept {
  if (slot.is_due) return;
  slot.is_due = true;
  due_.push_back(channel);
}

// --- watching what belongs to others -------------------------------------------------------------

/// Throws OsError for what has no readiness: what epoll says of it is what everybody expects. (A poll request
/// would report a regular file as ready for ever.)
void UringBackend::check_pollable(FileDescriptor descriptor) {
  if (!watchable_.valid()) watchable_ = checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  epoll_event event{};
  if (::epoll_ctl(watchable_.get().number, EPOLL_CTL_ADD, descriptor.number, &event) != 0)
    throw OsError(std::error_code(errno, std::system_category()), "epoll_ctl");
  static_cast<void>(::epoll_ctl(watchable_.get().number, EPOLL_CTL_DEL, descriptor.number, nullptr));
}

void UringBackend::start(PollOperation& operation, FileDescriptor descriptor, Readiness readiness) {
  refuse_simulated(descriptor);
  check_pollable(descriptor);
  UringSlot& slot = slots_.at(descriptor);
  const ChannelId channel = slot.generation == 0
                                ? open_slot(descriptor, false)
                                : ChannelId{static_cast<std::uint32_t>(descriptor.number), slot.generation};
  arm(operation);
  // What is requested already may concern a file that had this number before: the user closed it while it was
  // watched, and nothing tells that. The end of a request makes us ask again, of what has the number now.
  stop_input(channel, slot);
  stop_output(channel, slot);
  if (readiness == Readiness::readable) {
    slot.set_input(&operation, UringSlot::Input::poll);
    arm_input(channel, slot);
  } else {
    slot.set_output(&operation, UringSlot::Output::poll);
    arm_output(channel, slot);
  }
}

void UringBackend::cancel(PollOperation& operation, FileDescriptor descriptor) noexcept {
  UringSlot* slot = slots_.find(descriptor);
  if (!armed(operation)) return;
  if (slot == nullptr || slot->generation == 0) {
    done_.push(operation, -ECANCELED);
    return;
  }
  const ChannelId channel{static_cast<std::uint32_t>(descriptor.number), slot->generation};
  cancel(operation, channel);
  // The descriptor is the user's, who may close it next: nothing of ours may stay on it.
  if (slot->input == nullptr) stop_input(channel, *slot);
  if (slot->output == nullptr) stop_output(channel, *slot);
  if (slot->input_stops || slot->output_stops) {
    enter(&Ring::collect);
    take_overflow();
  }
  if (slot->input == nullptr && slot->output == nullptr) close_slot(channel, *slot);
}

void UringBackend::poll_again() noexcept {
  for (const ChannelId channel : told_) poll_again(channel);
  told_.clear();
}

void UringBackend::poll_again(ChannelId channel) noexcept {
  UringSlot* slot = slots_.find(channel);
  if (slot == nullptr) return;
  arm_input(channel, *slot);
  arm_output(channel, *slot);
}

void UringBackend::poll_again_soon(ChannelId channel) noexcept {
  try {
    told_.push_back(channel);
  } catch (const std::bad_alloc&) {
    poll_again(channel);  // what is over by the time that the loop waits may be told once more
  }
}

// --- giving up -----------------------------------------------------------------------------------

void UringBackend::cancel(Operation& operation, ChannelId channel) noexcept {
  if (!armed(operation)) return;
  UringSlot* slot = slots_.find(channel);
  if (slot != nullptr && slot->output == &operation) return give_up_output(operation, channel, *slot);
  done_.push(operation, -ECANCELED);
  if (slot == nullptr || slot->input != &operation) return;
  // No memory of the operation's is with the kernel. A receive that goes on delivers to the next one, or is
  // stopped by what arrives, or by the close.
  const bool accepts = slot->input_kind == UringSlot::Input::accept;
  slot->clear_input();
  if (accepts) stop_input(channel, *slot);
}

void UringBackend::give_up_output(Operation& operation, ChannelId channel, UringSlot& slot) noexcept {
  const bool is_with_kernel = slot.output_kind == UringSlot::Output::send;
  if (!is_with_kernel) {
    slot.clear_output();
    done_.push(operation, -ECANCELED);
  } else if (!slot.output_cancelled) {
    slot.output_cancelled = true;
    ++cancelled_;
  }
  stop_output(channel, slot);
}

void UringBackend::settle() {
  constexpr int kMostRounds = 1000;
  constexpr auto kRound = std::chrono::milliseconds(10);
  tell_done();
  for (int round = 0; round < kMostRounds && cancelled_ > 0; ++round) {
    wait(kRound, Duration::zero());
    tell_done();
    dispatch();
    if (!has_ring_) break;
  }
  if (cancelled_ == 0) return;
  // The kernel is not going to say anything: the ring is out of reach, and with it what it would have sent.
  slots_.for_each([this](ChannelId, UringSlot& slot) {
    if (!slot.output_cancelled) return;
    done_.push(*slot.output, -ECANCELED);
    slot.clear_output();
  });
  cancelled_ = 0;
  tell_done();
}

// --- waiting -------------------------------------------------------------------------------------

void UringBackend::submit() noexcept {
  if (ring_->has_unsubmitted()) enter(&Ring::submit);
  take_overflow();
}

void UringBackend::wait(std::optional<Duration> timeout, Duration spin) noexcept {
  for (const ReceivedPiece& piece : concluded_) buffers_->give_back(piece);
  concluded_.clear();
  if (!told_.empty()) poll_again();
  const bool something_to_do = !done_.empty() || !due_.empty() || !backlog_.empty() || ring_->ready() > 0;
  if (something_to_do || timeout == Duration::zero()) {
    if (!has_ring_ || ring_->has_unsubmitted() || ring_->kernel_has_news()) enter(&Ring::collect);
    return;
  }
  if (spin > Duration::zero() && has_ring_ && found_by_spinning(timeout, spin)) return;
  if (!has_ring_ || ring_->wait(timeout) == -EEXIST) {
    move_to_this_thread();
    if (!has_ring_) return wait_for_a_ring(timeout);
    static_cast<void>(ring_->wait(Duration::zero()));  // the loop comes back if there was nothing
  }
  if (!ring_->has_unsubmitted()) messages_.clear();
}

/// Asks again and again for `spin`, or for `timeout` where that is shorter. False where that found nothing;
/// `timeout` is what is left of it then.
bool UringBackend::found_by_spinning(std::optional<Duration>& timeout, Duration spin) noexcept {
  const auto begin = std::chrono::steady_clock::now();
  const Duration longest = timeout ? std::min(spin, *timeout) : spin;
  Duration spun{};
  do {
    if (ring_->has_unsubmitted() || ring_->kernel_has_news()) enter(&Ring::collect);
    if (ring_->ready() > 0 || !backlog_.empty()) return true;
    spun = std::chrono::steady_clock::now() - begin;
  } while (spun < longest);
  if (timeout) *timeout = std::max(*timeout - spun, Duration::zero());
  return false;
}

void UringBackend::wake() noexcept {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(wake_.get().number, &one, sizeof one));  // the counter never gets that far
}

}  // namespace tidegate::kernel
