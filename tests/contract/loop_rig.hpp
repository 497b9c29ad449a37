// What the tests of loops, servers and connecting share: a loop whose reports are kept, waiting that ends,
// protocols that write down what they are told, and a check that no descriptor is left behind. Knows no
// clause.
#pragma once

#include <tidegate/tidegate.hpp>

#include "base/simulated_descriptors.hpp"
#include "net/socket_address.hpp"
#include "support/test_network.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tidegate::loop_rig {

/// Nothing here takes this long, also under a sanitizer on a busy machine; what does is broken.
inline constexpr Duration kDeadline = std::chrono::seconds(60);

// --- what is open ------------------------------------------------------------------------------------------

/// What a folder of numbers under /proc holds: open descriptors, threads.
inline std::set<int> numbers_in(const char* folder) {
  std::set<int> numbers;
  DIR* directory = ::opendir(folder);
  if (directory == nullptr) return numbers;
  const int own = ::dirfd(directory);
  const bool descriptors = std::string(folder) == "/proc/self/fd";
  while (const dirent* entry = ::readdir(directory)) {
    if (entry->d_name[0] == '.') continue;
    const int number = std::stoi(entry->d_name);
    if (!descriptors || number != own) numbers.insert(number);
  }
  ::closedir(directory);
  return numbers;
}

/// With as many more as there are simulated ones.
inline std::set<int> open_descriptors() {
  std::set<int> numbers = numbers_in("/proc/self/fd");
  for (std::size_t count = 0; count < base::count_of_simulated_numbers(); ++count)
    numbers.insert(base::kFirstSimulatedNumber + static_cast<int>(count));
  return numbers;
}
inline std::set<int> threads() { return numbers_in("/proc/self/task"); }

// --- what is said ------------------------------------------------------------------------------------------

/// One call of the exception handler.
struct Report {
  std::string message;
  std::exception_ptr exception;
  bool names_transport = false;
  bool names_protocol = false;

  [[nodiscard]] std::string text() const {
    return exception == nullptr ? message : message + ": " + describe(exception);
  }
};

/// Keeps the library's log while it lives.
class LogCapture {
 public:
  LogCapture() {
    set_log_handler([this](LogLevel level, std::string_view line) {
      lines_.emplace_back(line);
      levels_.push_back(level);
    });
  }
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;
  ~LogCapture() { set_log_handler(nullptr); }

  [[nodiscard]] const std::vector<std::string>& lines() const noexcept { return lines_; }
  [[nodiscard]] const std::vector<LogLevel>& levels() const noexcept { return levels_; }

 private:
  std::vector<std::string> lines_;
  std::vector<LogLevel> levels_;
};

/// The text of what `call` throws, or "nothing".
template <typename Exception, typename Call>
std::string thrown_text(const Call& call) {
  try {
    call();
  } catch (const Exception& error) {
    return error.what();
  }
  return "nothing";
}

// --- a loop to test ----------------------------------------------------------------------------------------

/// A fixture with one loop. A test fails where the exception handler was told of something that the test did
/// not take with `take_reports`, and where a descriptor is left open.
class LoopTest : public ::testing::Test {
 protected:
  void SetUp() override {
    before_ = open_descriptors();
    loop_ = std::make_unique<Loop>(network_.applied_to(loop_options()));
    keep_reports(*loop_);
  }

  /// How the loop is made.
  [[nodiscard]] virtual LoopOptions loop_options() const { return {}; }

  void TearDown() override {
    loop_.reset();
    for (const Report& report : reports_)
      ADD_FAILURE() << "the exception handler was told: " << report.text();
    EXPECT_EQ(open_descriptors(), before_) << "a descriptor was left open (or closed twice)";
  }

  [[nodiscard]] Loop& loop() const noexcept { return *loop_; }

  /// Closes and destroys the loop before the test ends.
  void end_loop() { loop_.reset(); }

  void keep_reports(Loop& watched) {
    watched.set_exception_handler([this](Loop&, const ExceptionContext& context) {
      reports_.push_back(
          {context.message, context.exception, context.transport != nullptr, context.protocol != nullptr});
    });
  }

  /// What the exception handler was told since the last call.
  [[nodiscard]] std::vector<Report> take_reports() { return std::exchange(reports_, {}); }
  [[nodiscard]] std::size_t report_count() const noexcept { return reports_.size(); }

  /// Runs one iteration, which does not wait.
  void turn() {
    loop().stop();
    loop().run_forever();
  }
  void turns(int count) {
    for (; count > 0; --count) turn();
  }

  /// Runs the loop until `reached`, looked at between iterations, or the deadline; returns whether it was
  /// reached.
  template <typename Predicate>
  [[nodiscard]] bool run_until(const Predicate& reached, Duration limit = kDeadline) {
    const TimePoint end = loop().time() + limit;
    while (!reached()) {
      if (loop().time() >= end) return false;
      TimerHandle tick = loop().call_later(std::chrono::milliseconds(1), [this] { loop().stop(); });
      loop().run_forever();
      tick.cancel();
    }
    return true;
  }

  /// Runs a coroutine to its end, within the deadline.
  template <typename T>
  T run(Task<T> task) {
    return loop().run_until_complete(wait_for(std::move(task), kDeadline));
  }

 private:
  support::TestNetwork network_;
  std::set<int> before_;
  std::unique_ptr<Loop> loop_;
  std::vector<Report> reports_;
};

// --- the other end, without the library --------------------------------------------------------------------

/// A blocking socket that is connected to `endpoint`; invalid, with errno set, where that failed.
inline OwnedFileDescriptor raw_connect(const Endpoint& endpoint) {
  const net::SocketAddress address = net::to_sockaddr(endpoint);
  OwnedFileDescriptor socket(
      FileDescriptor{::socket(address.get()->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0)});
  if (::connect(socket.get().number, address.get(), address.length) != 0) {
    const int error = errno;
    socket.reset();
    errno = error;
  }
  return socket;
}

/// Whether a descriptor becomes ready for `events` before the deadline.
inline bool wait_ready(FileDescriptor descriptor, short events, int milliseconds = 10'000) {
  pollfd waiting{descriptor.number, events, 0};
  return ::poll(&waiting, 1, milliseconds) == 1;
}

inline void raw_send(const OwnedFileDescriptor& socket, std::string_view text) {
  ASSERT_EQ(::send(socket.get().number, text.data(), text.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(text.size()));
}

/// What there is to receive at this moment: bytes, "<eof>", or "<error NUMBER>"; empty for nothing yet.
inline std::string raw_receive_now(const OwnedFileDescriptor& socket) {
  char memory[65536];
  const ssize_t count = ::recv(socket.get().number, memory, sizeof memory, MSG_DONTWAIT);
  if (count > 0) return {memory, static_cast<std::size_t>(count)};
  if (count == 0) return "<eof>";
  return errno == EAGAIN ? "" : "<error " + std::to_string(errno) + ">";
}

/// A pipe: {read end, write end}.
inline std::pair<OwnedFileDescriptor, OwnedFileDescriptor> make_pipe() {
  int numbers[2] = {-1, -1};
  if (::pipe2(numbers, O_CLOEXEC | O_NONBLOCK) != 0) ADD_FAILURE() << "pipe2 failed";
  return {OwnedFileDescriptor(FileDescriptor{numbers[0]}), OwnedFileDescriptor(FileDescriptor{numbers[1]})};
}

// --- protocols ---------------------------------------------------------------------------------------------

/// Writes down what it is told.
class Recorder : public Protocol {
 public:
  void connection_made(TransportRef made) override {
    transport = std::move(made);
    calls.emplace_back("made");
    if (on_made) on_made(*this);
  }
  void data_received(BytesView data) override {
    received += data.text();
    if (on_data) on_data(*this);
  }
  bool eof_received() override {
    calls.emplace_back("eof");
    return keep_open_after_eof;
  }
  void connection_lost(const Error& reason) override {
    calls.emplace_back("lost");
    lost = true;
    lost_reason = reason;
    transport.reset();
  }

  TransportRef transport;
  std::vector<std::string> calls;
  std::string received;
  bool keep_open_after_eof = false;
  bool lost = false;
  Error lost_reason;
  std::function<void(Recorder&)> on_made;
  std::function<void(Recorder&)> on_data;
};

/// Sends back what it receives.
class Echo final : public Protocol {
 public:
  void connection_made(TransportRef made) override { transport_ = std::move(made); }
  void data_received(BytesView data) override { transport_->write(data); }
  void connection_lost(const Error&) override { transport_.reset(); }

 private:
  TransportRef transport_;
};

/// Makes Recorders and keeps them all.
class Recorders {
 public:
  /// A factory for the loop. Lifetime: this outlives it.
  [[nodiscard]] auto factory() {
    return [this] {
      auto made = std::make_shared<Recorder>();
      made->on_made = on_made;
      made->on_data = on_data;
      all.push_back(made);
      return made;
    };
  }
  [[nodiscard]] std::size_t made_count() const {
    std::size_t count = 0;
    for (const auto& recorder : all) count += recorder->calls.empty() ? 0U : 1U;
    return count;
  }
  [[nodiscard]] std::size_t lost_count() const {
    std::size_t count = 0;
    for (const auto& recorder : all) count += recorder->lost ? 1U : 0U;
    return count;
  }

  std::vector<std::shared_ptr<Recorder>> all;
  std::function<void(Recorder&)> on_made;
  std::function<void(Recorder&)> on_data;
};

}  // namespace tidegate::loop_rig
