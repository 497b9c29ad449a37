// A file of a test's own: see scratch_file.hpp.
#include "support/scratch_file.hpp"

#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace tidegate::testing {

ScratchFile::ScratchFile(BytesView content) {
  std::string name = ::testing::TempDir() + "tidegate_file_XXXXXX";
  descriptor_ = OwnedFileDescriptor(FileDescriptor{::mkostemp(name.data(), O_CLOEXEC)});
  EXPECT_TRUE(descriptor_.valid()) << name;
  ::unlink(name.c_str());
  write_at(0, content);
}

std::int64_t ScratchFile::position() const { return ::lseek(descriptor().number, 0, SEEK_CUR); }

void ScratchFile::set_position(std::int64_t position) {
  EXPECT_EQ(::lseek(descriptor().number, position, SEEK_SET), position);
}

void ScratchFile::set_size(std::int64_t size_bytes) {
  EXPECT_EQ(::ftruncate(descriptor().number, size_bytes), 0);
}

void ScratchFile::write_at(std::int64_t offset, BytesView bytes) {
  EXPECT_EQ(::pwrite(descriptor().number, bytes.data(), bytes.size(), offset),
            static_cast<ssize_t>(bytes.size()));
}

}  // namespace tidegate::testing
