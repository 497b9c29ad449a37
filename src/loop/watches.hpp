// add_reader and add_writer: callbacks for descriptors that the user owns.
#pragma once

#include <tidegate/callback.hpp>
#include <tidegate/descriptor.hpp>

#include "kernel/backend.hpp"

#include <map>
#include <memory>
#include <utility>

namespace tidegate::loop {

class LoopCore;

/// The watches of one loop.
///
/// Thread: the loop's.
class Watches {
 public:
  explicit Watches(LoopCore& core) noexcept : core_(core) {}
  Watches(const Watches&) = delete;
  Watches& operator=(const Watches&) = delete;
  ~Watches() = default;

  /// As Loop::add_reader and Loop::add_writer.
  void add(FileDescriptor descriptor, kernel::Readiness readiness, Callback callback);
  /// True where there was one.
  bool remove(FileDescriptor descriptor, kernel::Readiness readiness);
  void remove_all() noexcept;

 private:
  class Watch;
  struct End {
    void operator()(Watch* watch) const noexcept;
  };
  using Key = std::pair<int, kernel::Readiness>;

  LoopCore& core_;  // Lifetime: owns this
  std::map<Key, std::unique_ptr<Watch, End>> watches_;
};

}  // namespace tidegate::loop
