// See file_mover.hpp.
#include "relay/file_mover.hpp"

#include <tidegate/callback.hpp>
#include <tidegate/error.hpp>

#include <array>
#include <cerrno>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace tidegate::cli::relay {

namespace {

// What one turn of the thread moves: large enough that turns cost little, small enough to stay in a cache.
constexpr std::size_t kPieceBytes = std::size_t{128} << 10;
// As much as a pipe may hold by default.
constexpr int kPipeBytes = 1 << 20;

std::error_code last_error() noexcept { return {errno, std::system_category()}; }

struct Pipe {
  OwnedFileDescriptor read_end;
  OwnedFileDescriptor write_end;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw OsError(last_error(), "pipe2");
  // Refused where the user has many pipes; a small one does as well, with more turns.
  static_cast<void>(::fcntl(ends[1], F_SETPIPE_SZ, kPipeBytes));
  return {OwnedFileDescriptor(FileDescriptor{ends[0]}), OwnedFileDescriptor(FileDescriptor{ends[1]})};
}

std::error_code write_all(FileDescriptor sink, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(sink.number, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return last_error();
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

/// By read(2) and write(2), each of which moves the position of a file as one step. splice(2) notes the
/// position, waits for bytes, and sets it later: what others who share the file wrote meanwhile, our own
/// standard error or the shell that started us, would be overwritten.
std::error_code move_all(FileDescriptor source, FileDescriptor sink) {
  std::vector<std::byte> piece(kPieceBytes);
  while (true) {
    const ssize_t got = ::read(source.number, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return last_error();
    if (got == 0) return {};
    const std::error_code failure = write_all(sink, std::span(piece).first(static_cast<std::size_t>(got)));
    if (failure) return failure;
  }
}

}  // namespace

PipedFile pipe_from_file(Loop& loop, FileDescriptor file) {
  Pipe pipe = make_pipe();
  UniqueFunction<std::error_code()> move = [file, sink = std::move(pipe.write_end)]() mutable {
    const std::error_code failure = move_all(file, sink.get());
    sink.reset();                                                            // the end of the file
    return failure == std::errc::broken_pipe ? std::error_code() : failure;  // nobody wants the rest
  };
  return {std::move(pipe.read_end), loop.run_in_executor(std::move(move))};
}

PipedFile pipe_to_file(Loop& loop, FileDescriptor file) {
  Pipe pipe = make_pipe();
  UniqueFunction<std::error_code()> move = [file, source = std::move(pipe.read_end)]() mutable {
    const std::error_code failure = move_all(source.get(), file);
    source.reset();  // whoever writes more is told
    return failure;
  };
  return {std::move(pipe.write_end), loop.run_in_executor(std::move(move))};
}

}  // namespace tidegate::cli::relay
