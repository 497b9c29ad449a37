// See sent_file.hpp.
#include "sim/sent_file.hpp"

#include <tidegate/error.hpp>

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace tidegate::workload {

namespace {

template <typename Number>
Number checked(Number result, const char* attempted) {
  if (result < 0) throw OsError(std::error_code(errno, std::system_category()), attempted);
  return result;
}

void fill(FileDescriptor file, std::string_view content) {
  while (!content.empty()) {
    const auto count =
        checked(::write(file.number, content.data(), content.size()), "write a file of a play");
    content.remove_prefix(static_cast<std::size_t>(count));
  }
}

}  // namespace

SentFile SentFile::regular(std::string_view content) {
  const int number = checked(::memfd_create("play", MFD_CLOEXEC), "memfd_create");
  SentFile file{OwnedFileDescriptor(FileDescriptor{number})};
  fill(file.descriptor(), content);
  return file;
}

SentFile SentFile::pipe(std::string_view content) {
  int ends[2];
  checked(::pipe2(ends, O_CLOEXEC), "pipe2");
  SentFile file{OwnedFileDescriptor(FileDescriptor{ends[0]})};
  const OwnedFileDescriptor write_end(FileDescriptor{ends[1]});
  fill(write_end.get(), content);
  return file;
}

std::uint64_t SentFile::position() const {
  return static_cast<std::uint64_t>(checked(::lseek(descriptor().number, 0, SEEK_CUR), "lseek"));
}

void SentFile::set_position(std::uint64_t position) const {
  checked(::lseek(descriptor().number, static_cast<off_t>(position), SEEK_SET), "lseek");
}

void SentFile::set_size(std::uint64_t size_bytes) const {
  checked(::ftruncate(descriptor().number, static_cast<off_t>(size_bytes)), "ftruncate");
}

}  // namespace tidegate::workload
