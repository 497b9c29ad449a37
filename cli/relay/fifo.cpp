// See fifo.hpp.
#include "relay/fifo.hpp"

#include <tidegate/error.hpp>
#include <tidegate/future.hpp>
#include <tidegate/loop.hpp>
#include <tidegate/sleep.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

namespace tidegate::cli::relay {

namespace {

// How soon a FIFO without a reader is tried again: at once for whoever starts both ends, rarely for who waits
// long.
constexpr Duration kFirstDelay = std::chrono::milliseconds(10);
constexpr Duration kLongestDelay = std::chrono::milliseconds(200);

OsError last_error(const std::string& attempted) {
  return {std::error_code(errno, std::system_category()), attempted};
}

/// Before opening: opening a device may do something, and a file would be written to.
void check_is_fifo(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) throw last_error(fmt::format("open {}", path));
  if (!S_ISFIFO(status.st_mode)) throw std::runtime_error(fmt::format("{} is not a FIFO", path));
}

/// Invalid where there is no reader for a writer.
OwnedFileDescriptor open_now(const std::string& path, int mode) {
  OwnedFileDescriptor fifo(FileDescriptor{::open(path.c_str(), mode | O_NONBLOCK | O_CLOEXEC)});
  if (!fifo.valid() && errno != ENXIO) throw last_error(fmt::format("open {}", path));
  return fifo;
}

/// Told when a descriptor can be read, for as long as it lives.
class ReaderWatch {
 public:
  ReaderWatch(Loop& loop, FileDescriptor descriptor)
      : loop_(loop), descriptor_(descriptor), ready_(loop.create_future<void>()) {
    loop_.add_reader(descriptor_, [ready = ready_] {
      if (!ready.done()) ready.set_result();
    });
  }
  ReaderWatch(const ReaderWatch&) = delete;
  ReaderWatch& operator=(const ReaderWatch&) = delete;
  ~ReaderWatch() { loop_.remove_reader(descriptor_); }

  [[nodiscard]] const Future<>& ready() const noexcept { return ready_; }

 private:
  Loop& loop_;
  FileDescriptor descriptor_;
  Future<> ready_;
};

}  // namespace

/// A FIFO that no writer has opened yet can't be read, and has not ended either: the kernel tells of its
/// first byte, and of a writer that came and left.
Task<OwnedFileDescriptor> open_fifo_for_reading(std::string path) {
  check_is_fifo(path);
  OwnedFileDescriptor fifo = open_now(path, O_RDONLY);
  {
    const ReaderWatch watch(get_running_loop(), fifo.get());
    co_await watch.ready();
  }
  co_return fifo;
}

Task<OwnedFileDescriptor> open_fifo_for_writing(std::string path) {
  check_is_fifo(path);
  Duration delay = kFirstDelay;
  while (true) {
    OwnedFileDescriptor fifo = open_now(path, O_WRONLY);
    if (fifo.valid()) co_return fifo;
    co_await sleep(delay);
    delay = std::min(2 * delay, kLongestDelay);
  }
}

}  // namespace tidegate::cli::relay
