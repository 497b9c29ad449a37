// What the tests of pipes share: a loop, pipes with one raw end, and a protocol that writes down what it is
// told. Knows no clause.
#pragma once

#include "contract/loop_rig.hpp"

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <pty.h>
#include <termios.h>
#include <unistd.h>

namespace tidegate::pipe_rig {

using loop_rig::make_pipe;

/// Writes down what it is told, flow control included.
class PipeRecorder : public loop_rig::Recorder {
 public:
  void pause_writing() override { calls.emplace_back("pause"); }
  void resume_writing() override {
    calls.emplace_back("resume");
    if (on_resume) on_resume(*this);
  }
  std::function<void(PipeRecorder&)> on_resume;
};

[[nodiscard]] inline bool is_open(FileDescriptor descriptor) {
  return ::fcntl(descriptor.number, F_GETFD) >= 0;
}
[[nodiscard]] inline int flags_of(FileDescriptor descriptor) { return ::fcntl(descriptor.number, F_GETFL); }
[[nodiscard]] inline bool is_nonblocking(FileDescriptor descriptor) {
  return (flags_of(descriptor) & O_NONBLOCK) != 0;
}

inline void raw_write(const OwnedFileDescriptor& pipe, std::string_view text) {
  ASSERT_EQ(::write(pipe.get().number, text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

/// What there is to read at this moment: bytes, "<eof>" or "<error NUMBER>"; empty for nothing yet. REQUIRES:
/// the pipe is non-blocking.
inline std::string raw_read_now(const OwnedFileDescriptor& pipe) {
  char memory[65536];
  const ssize_t count = ::read(pipe.get().number, memory, sizeof memory);
  if (count > 0) return {memory, static_cast<std::size_t>(count)};
  if (count == 0) return "<eof>";
  return errno == EAGAIN ? "" : "<error " + std::to_string(errno) + ">";
}

/// Bytes that tell where they belong.
inline std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t at = 0; at < size; ++at) bytes[at] = static_cast<char>('a' + (at * 7 + at / 251) % 26);
  return bytes;
}

class PipeTest : public loop_rig::LoopTest {
 protected:
  void TearDown() override {
    for (const TransportRef& transport : made_) transport->abort();
    if (!loop_has_ended_) turns(3);
    made_.clear();
    LoopTest::TearDown();
  }
  void end_loop() {
    loop_has_ended_ = true;
    LoopTest::end_loop();
  }

  /// One that never blocks; both ends.
  using Ends = std::pair<OwnedFileDescriptor, OwnedFileDescriptor>;

  template <typename Descriptor>
  std::shared_ptr<PipeRecorder> read_from(Descriptor&& descriptor,
                                          std::shared_ptr<PipeRecorder> protocol = nullptr) {
    if (protocol == nullptr) protocol = std::make_shared<PipeRecorder>();
    const auto factory = [&] { return protocol; };
    run(connected(loop().connect_read_pipe(factory, std::forward<Descriptor>(descriptor))));
    return protocol;
  }
  template <typename Descriptor>
  std::shared_ptr<PipeRecorder> write_to(Descriptor&& descriptor,
                                         std::shared_ptr<PipeRecorder> protocol = nullptr) {
    if (protocol == nullptr) protocol = std::make_shared<PipeRecorder>();
    const auto factory = [&] { return protocol; };
    run(connected(loop().connect_write_pipe(factory, std::forward<Descriptor>(descriptor))));
    return protocol;
  }

  /// A write pipe that is full, with `buffered` bytes behind that; nobody is paused.
  struct Full {
    std::shared_ptr<PipeRecorder> protocol;
    OwnedFileDescriptor reader;
    std::size_t written = 0;
  };
  Full fill(std::size_t buffered) {
    Ends ends = make_pipe();
    Full full{write_to(std::move(ends.second)), std::move(ends.first), 0};
    Transport& transport = *full.protocol->transport;
    transport.set_write_buffer_limits({.high = std::size_t{1} << 30U});
    const int room = ::fcntl(full.reader.get().number, F_GETPIPE_SZ);
    full.written = static_cast<std::size_t>(room) + buffered;
    transport.write(pattern(full.written));
    turns(3);
    EXPECT_EQ(transport.get_write_buffer_size(), buffered);
    return full;
  }

  /// Reads a raw end until it has said `size` bytes, or its end.
  std::string drain(const OwnedFileDescriptor& reader, std::size_t size) {
    std::string all;
    EXPECT_TRUE(run_until([&] {
      const std::string some = raw_read_now(reader);
      if (some == "<eof>") return true;
      all += some;
      return all.size() >= size;
    }));
    return all;
  }

 private:
  Task<> connected(Task<Connection<PipeRecorder>> connecting) {
    const auto connection = co_await std::move(connecting);
    made_.push_back(connection.transport);
    EXPECT_EQ(connection.transport, connection.protocol->transport) << "connection_made comes first";
  }

  std::vector<TransportRef> made_;
  bool loop_has_ended_ = false;
};

/// With a folder of the test's own, for FIFOs.
class PipeFileTest : public PipeTest {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "tidegate_pipes_XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    PipeTest::SetUp();
  }
  void TearDown() override {
    PipeTest::TearDown();
    std::filesystem::remove_all(folder_);
  }

  [[nodiscard]] std::string path(const char* name) const { return folder_ + "/" + name; }
  [[nodiscard]] static OwnedFileDescriptor open(const std::string& path, int flags) {
    OwnedFileDescriptor opened(FileDescriptor{::open(path.c_str(), flags | O_CLOEXEC, 0600)});
    EXPECT_TRUE(opened.valid()) << path;
    return opened;
  }

 private:
  std::string folder_;
};

/// Blocking ends, and what the program goes on with.
struct Blocking {
  Blocking() {
    int numbers[2] = {-1, -1};
    EXPECT_EQ(::pipe2(numbers, O_CLOEXEC), 0);
    reads = OwnedFileDescriptor(FileDescriptor{numbers[0]});
    writes = OwnedFileDescriptor(FileDescriptor{numbers[1]});
  }
  OwnedFileDescriptor reads;
  OwnedFileDescriptor writes;
};

/// Another number for the same description.
[[nodiscard]] inline OwnedFileDescriptor duplicate_of(const OwnedFileDescriptor& descriptor) {
  return OwnedFileDescriptor(FileDescriptor{::fcntl(descriptor.get().number, F_DUPFD_CLOEXEC, 3)});
}

/// A terminal that changes nothing of what goes through it, and the other side of it.
struct Terminal {
  Terminal() {
    int numbers[2] = {-1, -1};
    EXPECT_EQ(::openpty(&numbers[0], &numbers[1], nullptr, nullptr, nullptr), 0);
    screen = OwnedFileDescriptor(FileDescriptor{numbers[0]});
    terminal = OwnedFileDescriptor(FileDescriptor{numbers[1]});
    termios raw{};
    ::tcgetattr(numbers[1], &raw);
    ::cfmakeraw(&raw);
    ::tcsetattr(numbers[1], TCSANOW, &raw);
  }
  OwnedFileDescriptor screen;
  OwnedFileDescriptor terminal;
};

}  // namespace tidegate::pipe_rig
