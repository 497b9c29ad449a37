// Signals as callbacks: see signals.hpp.
#include "loop/signals.hpp"

#include <tidegate/error.hpp>

#include <cerrno>
#include <string>
#include <thread>
#include <utility>

namespace tidegate::loop {

std::array<Signals::Arrival, Signals::kSignals> Signals::arrivals_{};

static_assert(std::atomic<Signals*>::is_always_lock_free && std::atomic<bool>::is_always_lock_free,
              "a handler may use lock-free atomics only");

void Signals::check_number(int signal_number) {
  if (signal_number < 1 || signal_number >= kSignals) {
    throw std::invalid_argument("signal number " + std::to_string(signal_number) +
                                " is out of range, expected 1 to " + std::to_string(kSignals - 1));
  }
}

void Signals::add(int signal_number, Callback callback) {
  check_number(signal_number);
  const auto index = static_cast<std::size_t>(signal_number);
  auto shared = std::make_shared<Callback>(std::move(callback));
  if (registrations_[index] != nullptr) {
    registrations_[index]->callback = std::move(shared);
    return;
  }
  auto registration = std::make_unique<Registration>();
  registration->callback = std::move(shared);
  Signals* nobody = nullptr;
  if (!arrivals_[index].owner.compare_exchange_strong(nobody, this)) {
    throw InvalidStateError("signal " + std::to_string(signal_number) +
                            " is handled by another loop already");
  }
  arrivals_[index].noted.store(false);
  registrations_[index] = std::move(registration);
  struct sigaction action {};
  action.sa_handler = &Signals::on_signal;
  sigfillset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  if (::sigaction(signal_number, &action, &registrations_[index]->before) != 0) {
    const int error = errno;
    disown(arrivals_[index]);
    registrations_[index].reset();
    if (error == EINVAL) {
      throw std::invalid_argument("signal " + std::to_string(signal_number) + " cannot be caught");
    }
    throw OsError(std::error_code(error, std::system_category()), "sigaction");
  }
}

bool Signals::remove(int signal_number) {
  check_number(signal_number);
  const auto index = static_cast<std::size_t>(signal_number);
  if (registrations_[index] == nullptr) return false;
  // First the disposition, so that no new signal finds the registration that goes next. It can't fail: it was
  // in force before.
  static_cast<void>(::sigaction(signal_number, &registrations_[index]->before, nullptr));
  disown(arrivals_[index]);
  registrations_[index].reset();
  return true;
}

void Signals::remove_all() noexcept {
  for (int number = 1; number < kSignals; ++number) {
    if (registrations_[static_cast<std::size_t>(number)] != nullptr) remove(number);
  }
}

/// No handler knows of the owner any more when this returns, also none that was running on another thread.
void Signals::disown(Arrival& arrival) noexcept {
  arrival.owner.store(nullptr);
  while (arrival.handlers.load() != 0) std::this_thread::yield();
}

/// In signal context, on whichever thread the kernel chose: only atomics and write(2).
void Signals::on_signal(int signal_number) noexcept {
  const int error = errno;
  Arrival& arrival = arrivals_[static_cast<std::size_t>(signal_number)];
  arrival.handlers.fetch_add(1);  // before the owner is read: see `disown`
  if (Signals* owner = arrival.owner.load()) {
    arrival.noted.store(true);
    owner->any_pending_.store(true);
    owner->backend_.wake();
  }
  arrival.handlers.fetch_sub(1);
  errno = error;
}

}  // namespace tidegate::loop
