// Loop::sendfile: the kernel's way out of the page cache, or the program's own in pieces (contract N1).
#include <tidegate/loop.hpp>

#include "loop/loop_core.hpp"
#include "transport/inner_transport.hpp"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tidegate {

namespace {

using transport::FileToSend;
using transport::InnerTransport;

[[noreturn]] void raise_last_error(const char* attempted) {
  throw OsError(std::error_code(errno, std::system_category()), attempted);
}

/// What there is to send, at this moment: what a file grows by while it is sent is not followed. Throws
/// OsError for what is no open file or a folder.
FileToSend part_of(FileDescriptor file, const SendfileOptions& options) {
  struct stat status {};
  if (::fstat(file.number, &status) != 0) raise_last_error("sendfile");
  if (S_ISDIR(status.st_mode)) throw OsError(std::make_error_code(std::errc::is_a_directory), "sendfile");
  FileToSend part{.file = file,
                  .next = options.offset,
                  .left = options.count.value_or(std::numeric_limits<std::uint64_t>::max())};
  // A size of 0 says nothing: those of /proc have it, and are not empty.
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (S_ISREG(status.st_mode) && size > 0) part.left = std::min(part.left, size - std::min(size, part.next));
  return part;
}

/// Refuses the program's writes while it lives.
class FileTime {
 public:
  explicit FileTime(InnerTransport& transport) : transport_(transport) { transport.begin_file(); }
  FileTime(const FileTime&) = delete;
  FileTime& operator=(const FileTime&) = delete;
  ~FileTime() { transport_.end_file(); }

 private:
  InnerTransport& transport_;
};

/// Puts the position of the file behind the last byte sent, in whatever way this ends; where none was, it
/// stays where it is.
class PositionBehindSent {
 public:
  explicit PositionBehindSent(const FileToSend& file) noexcept : file_(file), begin_(file.next) {}
  PositionBehindSent(const PositionBehindSent&) = delete;
  PositionBehindSent& operator=(const PositionBehindSent&) = delete;
  ~PositionBehindSent() {
    // Fails for what has no positions, and there is nothing to be moved then.
    if (sent_bytes() > 0)
      static_cast<void>(::lseek(file_.file.number, static_cast<off_t>(file_.next), SEEK_SET));
  }

  [[nodiscard]] std::uint64_t sent_bytes() const noexcept { return file_.next - begin_; }

 private:
  const FileToSend& file_;
  const std::uint64_t begin_;
};

// --- reading and writing ---------------------------------------------------------------------------

/// As much of the file as is in memory beside what is buffered. Less, and the way to a thread and back costs
/// more than the reading.
constexpr std::size_t kPieceBytes = std::size_t{256} * 1024;

struct Piece {
  Chunk bytes;
  bool is_last = false;
};

/// Reads a file for somebody in another thread, who may have been cancelled and have closed the file
/// meanwhile: so it works on a duplicate, of the same position.
class PieceReader {
 public:
  /// `offset`: where reading begins. Throws OsError; with ESPIPE where the file has no such place.
  PieceReader(FileDescriptor file, std::uint64_t offset)
      : file_(FileDescriptor{::fcntl(file.number, F_DUPFD_CLOEXEC, 0)}) {
    if (!file_.valid()) raise_last_error("sendfile");
    has_positions_ = ::lseek(file.number, 0, SEEK_CUR) >= 0;
    if (!has_positions_ && offset > 0) {
      throw OsError(std::error_code(ESPIPE, std::system_category()),
                    "sendfile: from offset " + std::to_string(offset));
    }
  }

  /// Thread: any, one at a time. Throws OsError.
  [[nodiscard]] Piece read(std::uint64_t offset, std::size_t size_bytes) const {
    auto memory = std::make_unique_for_overwrite<std::byte[]>(size_bytes);
    std::size_t count = 0;
    bool is_last = false;
    // What has positions is read until the piece is full, which tells whether there is more. Of anything else
    // what there is goes on at once.
    do {
      const std::size_t got = read_some({memory.get() + count, size_bytes - count}, offset + count);
      count += got;
      is_last = got == 0;
    } while (has_positions_ && !is_last && count < size_bytes);
    std::byte* const bytes = memory.release();
    return {.bytes = Chunk({bytes, count}, bytes,
                           [](void* owner) noexcept { delete[] static_cast<std::byte*>(owner); }),
            .is_last = is_last};
  }

 private:
  [[nodiscard]] std::size_t read_some(MutableBytesView memory, std::uint64_t offset) const {
    for (;;) {
      const int number = file_.get().number;
      const std::ptrdiff_t count =
          has_positions_ ? ::pread(number, memory.data(), memory.size(), static_cast<off_t>(offset))
                         : ::read(number, memory.data(), memory.size());
      if (count >= 0) return static_cast<std::size_t>(count);
      if (errno != EINTR) raise_last_error("sendfile: read");
    }
  }

  OwnedFileDescriptor file_;
  bool has_positions_ = false;
};

/// Piece by piece, and none is read before there is room for it.
Task<void> read_and_write(Loop& loop, InnerTransport& transport, FileToSend& file) {
  const auto reader = std::make_shared<const PieceReader>(file.file, file.next);
  bool is_last = false;
  while (file.left > 0 && !is_last) {
    auto room = transport.wait_for_room_for_file();
    co_await std::move(room);
    const auto size_bytes = static_cast<std::size_t>(std::min<std::uint64_t>(file.left, kPieceBytes));
    const auto read = [reader, offset = file.next, size_bytes] { return reader->read(offset, size_bytes); };
    auto reading = loop.run_in_executor(read);
    Piece piece = co_await std::move(reading);
    is_last = piece.is_last;
    if (!piece.bytes.empty()) transport.write_of_file(file, std::move(piece.bytes));
  }
}

// --- all of it -------------------------------------------------------------------------------------

Task<std::uint64_t> send_over(Loop& loop, Ref<InnerTransport> transport, FileDescriptor file,
                              SendfileOptions options) {
  FileToSend part = part_of(file, options);
  const PositionBehindSent position(part);
  const FileTime time(*transport);
  bool is_available = transport->can_send_file();
  if (is_available) {
    auto sending = transport->send_file(part);
    try {
      co_await std::move(sending);
    } catch (const SendfileNotAvailableError&) {
      if (!options.fallback) throw;
      is_available = false;
    }
  }
  if (!is_available) {
    if (!options.fallback)
      throw SendfileNotAvailableError(
          "sendfile: the bytes have to pass through the program on this transport");
    auto writing = read_and_write(loop, *transport, part);
    co_await std::move(writing);
  }
  co_return position.sent_bytes();
}

}  // namespace

Task<std::uint64_t> Loop::sendfile(TransportRef transport, FileDescriptor file,
                                   const SendfileOptions& options) {
  auto* const inner = dynamic_cast<InnerTransport*>(transport.get());
  if (inner == nullptr) throw NotSupportedError("sendfile() on a transport that the loop did not make");
  if (&inner->loop() != this) throw std::invalid_argument("sendfile: the transport is another loop's");
  if (options.offset > static_cast<std::uint64_t>(std::numeric_limits<off_t>::max())) {
    throw std::invalid_argument("sendfile: the offset is " + std::to_string(options.offset) +
                                ", which no file can have");
  }
  return send_over(*this, Ref<InnerTransport>(inner), file, options);
}

}  // namespace tidegate
