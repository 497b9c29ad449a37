// Watches on the user's descriptors: see watches.hpp.
#include "loop/watches.hpp"

#include <tidegate/error.hpp>

#include "loop/loop_core.hpp"

#include <string>

namespace tidegate::loop {

/// One callback on one descriptor. It goes when its operation has completed and `Watches` has let go of it,
/// so that a callback may remove or replace its own watch.
class Watches::Watch final : public kernel::PollOperation {
 public:
  Watch(LoopCore& core, Key key, Callback callback) noexcept
      : core_(core), key_(key), callback_(std::move(callback)) {}

  /// `Watches` lets go of it.
  void end() noexcept {
    let_go_ = true;
    if (in_flight()) {
      core_.backend().cancel(*this, FileDescriptor{key_.first});
    } else {
      delete this;
    }
  }

  void completed(int) override {
    if (let_go_) {
      delete this;
      return;
    }
    // Not at our request: the user closed the descriptor without removing the watch, and the number is
    // somebody else's now. Erasing it calls `end`.
    core_.watches().watches_.erase(key_);
  }

 private:
  ~Watch() = default;

  void ready() override {
    core_.run_reporting([this] { callback_(); }, "Exception in callback of add_reader or add_writer");
  }

  LoopCore& core_;  // Lifetime: outlives every watch
  Key key_;
  Callback callback_;
  bool let_go_ = false;
};

void Watches::End::operator()(Watch* watch) const noexcept { watch->end(); }

void Watches::add(FileDescriptor descriptor, kernel::Readiness readiness, Callback callback) {
  if (!descriptor.valid()) {
    throw std::invalid_argument("invalid file descriptor " + std::to_string(descriptor.number) +
                                ", expected a number of at least 0");
  }
  if (core_.backend().owns(descriptor)) {
    throw InvalidStateError("file descriptor " + std::to_string(descriptor.number) +
                            " is used by a transport");
  }
  watches_.erase(Key{descriptor.number, readiness});
  std::unique_ptr<Watch, End> watch(new Watch(core_, Key{descriptor.number, readiness}, std::move(callback)));
  core_.backend().start(*watch, descriptor, readiness);
  watches_.emplace(Key{descriptor.number, readiness}, std::move(watch));
}

bool Watches::remove(FileDescriptor descriptor, kernel::Readiness readiness) {
  return watches_.erase(Key{descriptor.number, readiness}) != 0;
}

void Watches::remove_all() noexcept { watches_.clear(); }

}  // namespace tidegate::loop
