// Who is behind which simulated number: see simulated_descriptors.hpp.
#include "base/simulated_descriptors.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <mutex>
#include <new>
#include <vector>

#include <poll.h>

namespace tidegate::base {

namespace {

/// Behind the numbers that are nobody's.
class Nobody final : public SimulatedDescriptors {
 public:
  int close(int) noexcept override { return -EBADF; }
  int bind(int, const sockaddr*, socklen_t) noexcept override { return -EBADF; }
  int listen(int, int) noexcept override { return -EBADF; }
  int connect(int, const sockaddr*, socklen_t) noexcept override { return -EBADF; }
  int accept(int, sockaddr*, socklen_t*) noexcept override { return -EBADF; }
  int getsockname(int, sockaddr*, socklen_t*) noexcept override { return -EBADF; }
  int getpeername(int, sockaddr*, socklen_t*) noexcept override { return -EBADF; }
  int getsockopt(int, int, int, void*, socklen_t*) noexcept override { return -EBADF; }
  int setsockopt(int, int, int, const void*, socklen_t) noexcept override { return -EBADF; }
  int shutdown(int, int) noexcept override { return -EBADF; }
  std::ptrdiff_t recvmsg(int, msghdr*, int) noexcept override { return -EBADF; }
  std::ptrdiff_t sendmsg(int, const msghdr*, int) noexcept override { return -EBADF; }
  int fcntl(int, int, int) noexcept override { return -EBADF; }
  int fstat(int, struct stat*) noexcept override { return -EBADF; }
  short poll(int) noexcept override { return POLLNVAL; }
};

/// All of the process.
struct Registry {
  std::mutex mutex;
  /// By number, from the first on; null: free.
  std::vector<SimulatedDescriptors*> owners;
  /// The free ones of these, as a heap with the lowest first; as much room as `owners`, so that freeing needs
  /// none.
  std::vector<std::size_t> free;
};

Registry& registry() {
  static Registry all;
  return all;
}

Nobody& nobody() noexcept {
  static Nobody none;
  return none;
}

std::size_t place_of(FileDescriptor descriptor) noexcept {
  return static_cast<std::size_t>(descriptor.number - kFirstSimulatedNumber);
}

}  // namespace

SimulatedDescriptors& simulated_descriptors(FileDescriptor descriptor) noexcept {
  if (!is_simulated(descriptor)) return nobody();
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  const std::size_t place = place_of(descriptor);
  SimulatedDescriptors* owner = place < all.owners.size() ? all.owners[place] : nullptr;
  return owner == nullptr ? nobody() : *owner;
}

FileDescriptor new_simulated_number(SimulatedDescriptors& owner) {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  if (all.free.empty()) {
    all.owners.push_back(nullptr);
    try {
      all.free.reserve(all.owners.capacity());
    } catch (const std::bad_alloc&) {
      all.owners.pop_back();
      throw;
    }
    all.free.push_back(all.owners.size() - 1);
  }
  std::pop_heap(all.free.begin(), all.free.end(), std::greater<>());
  const std::size_t place = all.free.back();
  all.free.pop_back();
  all.owners[place] = &owner;
  return FileDescriptor{kFirstSimulatedNumber + static_cast<int>(place)};
}

void forget_simulated_number(FileDescriptor descriptor) noexcept {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  const std::size_t place = place_of(descriptor);
  all.owners[place] = nullptr;
  all.free.push_back(place);
  std::push_heap(all.free.begin(), all.free.end(), std::greater<>());
}

std::size_t count_of_simulated_numbers() noexcept {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  return all.owners.size() - all.free.size();
}

}  // namespace tidegate::base
