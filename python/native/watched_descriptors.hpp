// The readers and writers of a loop: a Handle for each descriptor and direction. Knows no transports.
#pragma once

#include "kernel/operation.hpp"
#include "python.hpp"

#include <unordered_map>

namespace tidegate::python {

class NativeLoop;

class WatchedDescriptors {
 public:
  explicit WatchedDescriptors(NativeLoop& loop) noexcept : loop_(loop) {}
  WatchedDescriptors(const WatchedDescriptors&) = delete;
  WatchedDescriptors& operator=(const WatchedDescriptors&) = delete;

  /// `handle` is called whenever `descriptor` is ready; the one before it is cancelled. Throws OsError and
  /// InvalidStateError.
  void add(int descriptor, kernel::Readiness readiness, Owned handle);
  /// False where there was none; it is cancelled otherwise.
  bool remove(int descriptor, kernel::Readiness readiness);
  [[nodiscard]] bool contains(int descriptor, kernel::Readiness readiness) const noexcept;
  /// Lets go of all, without cancelling any.
  void clear() noexcept;
  int traverse(visitproc visit, void* arg) const;

 private:
  struct Handles {
    Owned reader;
    Owned writer;

    [[nodiscard]] Owned& of(kernel::Readiness readiness) noexcept {
      return readiness == kernel::Readiness::readable ? reader : writer;
    }
  };

  NativeLoop& loop_;
  std::unordered_map<int, Handles> handles_;
};

}  // namespace tidegate::python
