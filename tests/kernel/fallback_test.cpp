// Where the kernel does not grant io_uring, a loop that asked for it runs on epoll: complete, with nothing
// left behind, and with one line in the debug log that says why.
#include <tidegate/tidegate.hpp>

#include "support/open_descriptors.hpp"
#include "support/refused_calls.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef TIDEGATE_HAS_IO_URING

namespace tidegate {
namespace {

// --- an echo of some hundred kilobytes -----------------------------------------------------------

class EchoServer final : public Protocol {
 public:
  void connection_made(TransportRef transport) override { transport_ = std::move(transport); }
  void data_received(BytesView data) override { transport_->write(data); }

 private:
  TransportRef transport_;
};

class EchoClient final : public Protocol {
 public:
  EchoClient(std::string message, Future<std::string> answer)
      : message_(std::move(message)), answer_(std::move(answer)) {}

  void connection_made(TransportRef transport) override {
    transport->write(message_);
    transport->write_eof();
  }
  void data_received(BytesView data) override { received_ += data.text(); }
  void connection_lost(const Error&) override { answer_.set_result(std::move(received_)); }

 private:
  std::string message_;
  std::string received_;
  Future<std::string> answer_;
};

Task<std::string> echoed(std::string message) {
  Loop& loop = get_running_loop();
  Server server = co_await loop.create_server([] { return std::make_unique<EchoServer>(); }, "127.0.0.1", 0);
  auto answer = loop.create_future<std::string>();
  auto make_client = [&] { return std::make_unique<EchoClient>(message, answer); };
  auto [transport, protocol] =
      co_await loop.create_connection(make_client, "127.0.0.1", server.endpoints().front().port());
  co_return co_await answer;
}

std::string long_message() {
  std::string message(300'000, '\0');
  for (std::size_t index = 0; index < message.size(); ++index)
    message[index] = static_cast<char>(index * 31 + index / 251);
  return message;
}

// --- a process of its own ------------------------------------------------------------------------

/// What such a process found out; empty where all was well.
using Story = std::string;

/// Runs `refuse`, asks for a loop on io_uring, and tells what is not as it should be. `reason`: what the line
/// in the log must say; empty: the kernel may as well have granted it.
Story story_of_a_loop(const std::function<void()>& refuse, std::string_view reason) {
  Story story;
  std::vector<std::string> lines;
  set_log_handler([&lines](LogLevel level, std::string_view line) {
    lines.push_back((level == LogLevel::debug ? "" : "louder than debug: ") + std::string(line));
  });
  refuse();
  const auto before = testing::open_descriptors();
  {
    Loop loop({.backend = BackendKind::io_uring});
    const bool fell_back = loop.backend_name() == "epoll";
    if (!fell_back && !reason.empty()) story += "it is on " + std::string(loop.backend_name()) + "\n";
    const std::size_t expected_lines = fell_back ? 1 : 0;
    if (lines.size() != expected_lines) story += std::to_string(lines.size()) + " lines in the log\n";
    for (const std::string& line : lines) {
      if (line.find("io_uring is not available, using epoll: ") != 0) story += "the log says: " + line + "\n";
      if (line.find(reason) == std::string::npos) story += "not the reason: " + line + "\n";
    }
    const std::string message = long_message();
    if (loop.run_until_complete(echoed(message)) != message) story += "the echo is not what was sent\n";
    if (lines.size() != expected_lines) story += "later lines in the log\n";
  }
  if (const std::string left = testing::difference(before, testing::open_descriptors()); !left.empty())
    story += "left open: " + left;
  set_log_handler(nullptr);
  return story;
}

/// The same in a child, for what was refused stays refused.
Story story_of_a_child(const std::function<void()>& refuse, std::string_view reason) {
  int ends[2] = {-1, -1};
  if (::pipe(ends) != 0) return "no pipe";
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    ::alarm(60);
    Story story;
    try {
      story = story_of_a_loop(refuse, reason);
    } catch (const std::exception& error) {
      story = std::string("an exception: ") + error.what();
    }
    story = story.substr(0, 4'000);  // fits into the pipe
    const ssize_t written = ::write(ends[1], story.data(), story.size());
    ::_exit(written == static_cast<ssize_t>(story.size()) ? 0 : 2);
  }
  ::close(ends[1]);
  Story story(8'000, '\0');
  std::size_t size = 0;
  for (;;) {
    const ssize_t count = ::read(ends[0], story.data() + size, story.size() - size);
    if (count <= 0) break;
    size += static_cast<std::size_t>(count);
  }
  story.resize(size);
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (status != 0) story += "it ended with status " + std::to_string(status);
  return story;
}

std::function<void()> refusing(long call, int error) {
  return [call, error] { testing::refuse_call(call, error); };
}

void limit(decltype(RLIMIT_NOFILE) resource, rlim_t most) {
  rlimit limits{};
  ::getrlimit(resource, &limits);
  limits.rlim_cur = most;
  if (resource == RLIMIT_MEMLOCK) limits.rlim_max = most;
  ::setrlimit(resource, &limits);
}

// --- the cases -----------------------------------------------------------------------------------

TEST(Fallback, a_sandbox_that_does_not_allow_to_make_a_ring) {
  EXPECT_EQ(story_of_a_child(refusing(__NR_io_uring_setup, EPERM), "io_uring_setup: Operation not permitted"),
            "");
}

TEST(Fallback, a_kernel_without_io_uring) {
  EXPECT_EQ(
      story_of_a_child(refusing(__NR_io_uring_setup, ENOSYS), "io_uring_setup: Function not implemented"),
      "");
}

TEST(Fallback, no_memory_for_a_ring) {
  EXPECT_EQ(story_of_a_child(refusing(__NR_io_uring_setup, ENOMEM), "io_uring_setup: Cannot allocate memory"),
            "");
}

TEST(Fallback, a_ring_that_can_be_made_but_not_entered) {
  EXPECT_EQ(story_of_a_child(refusing(__NR_io_uring_enter, EPERM), "io_uring_enter: Operation not permitted"),
            "");
}

TEST(Fallback, a_ring_that_nothing_can_be_registered_with) {
  EXPECT_EQ(story_of_a_child(refusing(__NR_io_uring_register, EPERM), "io_uring_register"), "");
}

TEST(Fallback, a_tight_limit_of_locked_memory) {
  // New kernels charge it elsewhere, and the superuser is not asked.
  EXPECT_EQ(story_of_a_child([] { limit(RLIMIT_MEMLOCK, 0); }, ""), "");
}

TEST(Fallback, a_refusal_leaves_the_next_loop_alone) {
  EXPECT_EQ(story_of_a_child(
                [] {
                  testing::refuse_call(__NR_io_uring_setup, EPERM);
                  set_log_handler([](LogLevel, std::string_view) {});
                  const auto before = testing::open_descriptors();
                  for (int round = 0; round < 50; ++round) {
                    const Loop loop({.backend = BackendKind::io_uring});
                    if (loop.backend_name() != "epoll") throw std::runtime_error("not on epoll");
                  }
                  if (testing::open_descriptors() != before) throw std::runtime_error("left open");
                  ::_exit(0);
                },
                ""),
            "");
}

TEST(Fallback, without_a_refusal_there_is_none) {
  // Either this machine grants it, without a word in the log, or it does not, with one.
  EXPECT_EQ(story_of_a_child([] {}, ""), "");
}

}  // namespace
}  // namespace tidegate

#endif
