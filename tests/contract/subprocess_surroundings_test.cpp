// Subprocesses in programs that do other things as well: many of them, threads, handlers of SIGCHLD of the
// program's own, debug mode. S1, S3, S4, L9, E3, E6.
#include "contract/subprocess_rig.hpp"
#include "contract/wrong_thread.hpp"
#include "support/refused_calls.hpp"

#include <atomic>
#include <stdexcept>
#include <thread>

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace tidegate::subprocess_rig {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

constexpr SubprocessOptions kNoPipes{.standard_input = Stdio::devnull(),
                                     .standard_output = Stdio::devnull(),
                                     .standard_error = Stdio::devnull()};

class SubprocessSurroundings : public SubprocessTest {
 protected:
  /// A disposition of SIGCHLD for as long as it lives.
  class WithChildSignal {
   public:
    explicit WithChildSignal(void (*handler)(int), int flags = 0) {
      struct sigaction action {};
      action.sa_handler = handler;
      action.sa_flags = flags;
      ::sigaction(SIGCHLD, &action, &before_);
    }
    WithChildSignal(const WithChildSignal&) = delete;
    WithChildSignal& operator=(const WithChildSignal&) = delete;
    ~WithChildSignal() { ::sigaction(SIGCHLD, &before_, nullptr); }

   private:
    struct sigaction before_ {};
  };
};
TIDEGATE_BOTH_WAYS_OF_WATCHING(SubprocessSurroundings);

// --- many ----------------------------------------------------------------------------------------

TEST_P(SubprocessSurroundings, S1_two_hundred_at_once) {
  std::vector<Recorder> children;
  for (int count = 0; count < 200; ++count) {
    children.push_back(shell("echo " + std::to_string(count) + "; exit " + std::to_string(count)));
  }
  for (int count = 0; count < 200; ++count) {
    const Recorder& child = children[static_cast<std::size_t>(count)];
    run_until_lost(child);
    EXPECT_EQ(child->output[1], std::to_string(count) + "\n");
    EXPECT_EQ(child->returncode, count);
  }
}

TEST_P(SubprocessSurroundings, S4_a_thousand_leave_no_descriptor_no_thread_and_no_zombie) {
  run_until_lost(execute("true"));  // what the first one makes for all is made
  const auto descriptors = loop_rig::open_descriptors();
  const auto threads = loop_rig::threads();
  for (int count = 0; count < 1000; ++count) {
    const Recorder child = execute("true");
    run_until_lost(child);
    ASSERT_EQ(child->returncode, 0) << count;
  }
  EXPECT_EQ(loop_rig::open_descriptors(), descriptors);
  EXPECT_EQ(loop_rig::threads(), threads);
  EXPECT_FALSE(has_children());
}

TEST_P(SubprocessSurroundings, S1_ten_megabytes_are_complete_when_the_exit_comes_first) {
  auto protocol = std::make_shared<SubprocessRecorder>();
  std::size_t expected = 0;
  std::size_t wrong = 0;
  protocol->on_data = [&](SubprocessRecorder& told) {
    for (const char byte : std::exchange(told.output[1], {}))
      wrong += byte == "0123456789"[expected++ % 10] ? 0U : 1U;
  };
  const Recorder child = shell("yes 0123456789 | tr -d '\\n' | head -c 10000000", {}, protocol);
  run_until_lost(child);
  EXPECT_EQ(expected, 10'000'000U);
  EXPECT_EQ(wrong, 0U);
}

TEST_P(SubprocessSurroundings, a_process_with_busy_threads_starts_them_as_well) {
  std::atomic<bool> over = false;
  std::vector<std::thread> busy;
  for (int count = 0; count < 8; ++count) {
    // Holding every lock that allocating, printing and looking up the environment may take, in turn.
    busy.emplace_back([&over] {
      while (!over) {
        const std::string text = std::to_string(reinterpret_cast<std::uintptr_t>(::getenv("PATH")));
        std::vector<std::string> some(50, text + std::string(1'000, 'x'));
        std::this_thread::yield();
      }
    });
  }
  for (int count = 0; count < 50; ++count) {
    const Recorder child = shell("read word; echo $word");
    child->transport->get_pipe_transport(0)->write(std::to_string(count) + "\n");
    run_until_lost(child);
    EXPECT_EQ(child->output[1], std::to_string(count) + "\n");
  }
  over = true;
  for (std::thread& thread : busy) thread.join();
}

// --- SIGCHLD -------------------------------------------------------------------------------------

/// The kernel reaps them then, and nobody learns how they ended.
TEST_P(SubprocessSurroundings, S3_where_SIGCHLD_is_ignored_the_end_is_noticed_and_the_returncode_is_255) {
  const struct {
    void (*handler)(int);
    int flags;
  } ways[] = {{SIG_IGN, 0}, {SIG_DFL, SA_NOCLDWAIT}};
  for (const auto& way : ways) {
    const WithChildSignal signal(way.handler, way.flags);
    const loop_rig::LogCapture log;
    const Recorder child = shell("echo said; exit 3");
    run_until_lost(child);
    EXPECT_EQ(child->output[1], "said\n");
    EXPECT_EQ(child->returncode, 255);
    ASSERT_EQ(log.lines().size(), 1U);
    EXPECT_THAT(log.lines()[0], HasSubstr("SIGCHLD is ignored"));
    EXPECT_EQ(log.levels()[0], LogLevel::warning);
  }
}

TEST_P(SubprocessSurroundings, S5_where_SIGCHLD_is_ignored_a_failed_start_is_told_all_the_same) {
  const WithChildSignal signal(SIG_IGN);
  EXPECT_THROW(execute("/no/such/program"), OsError);
  EXPECT_FALSE(has_children());
}

/// Whichever of the two comes first has the status; no end is missed, and nobody waits for ever.
TEST_P(SubprocessSurroundings, S3_a_handler_that_reaps_every_child_takes_the_returncode_at_most) {
  static volatile std::sig_atomic_t reaped;
  reaped = 0;
  const WithChildSignal signal([](int) {
    const int error = errno;
    while (::waitpid(-1, nullptr, WNOHANG) > 0) reaped = reaped + 1;
    errno = error;
  });
  const loop_rig::LogCapture log;
  int unknown = 0;
  for (int count = 0; count < 20; ++count) {
    const Recorder child = shell("exit 3");
    run_until_lost(child);
    EXPECT_THAT(child->returncode, ::testing::AnyOf(3, 255));
    unknown += child->returncode == 255 ? 1 : 0;
  }
  EXPECT_EQ(unknown, reaped);
  EXPECT_EQ(static_cast<int>(log.lines().size()), unknown) << "a warning for each";
}

TEST_P(SubprocessSurroundings, no_handler_of_SIGCHLD_is_stolen_or_made) {
  const WithChildSignal signal([](int) {});
  struct sigaction before {};
  ::sigaction(SIGCHLD, nullptr, &before);
  const Recorder child = execute("true");
  run_until_lost(child);
  struct sigaction after {};
  ::sigaction(SIGCHLD, nullptr, &after);
  EXPECT_EQ(after.sa_handler, before.sa_handler);
  EXPECT_EQ(child->returncode, 0);
}

// --- descriptors ---------------------------------------------------------------------------------

TEST_P(SubprocessSurroundings, E6_pipes_and_the_handle_of_a_child_are_close_on_exec) {
  run_until_lost(execute("true"));
  const auto before = loop_rig::open_descriptors();
  const Recorder child = execute("cat");
  int made = 0;
  for (const int number : loop_rig::open_descriptors()) {
    if (before.contains(number)) continue;
    ++made;
    EXPECT_NE(::fcntl(number, F_GETFD) & FD_CLOEXEC, 0) << number;
  }
  EXPECT_EQ(made, GetParam() == Watching::by_descriptor ? 4 : 3);
  // So the next child does not hold the first one's input open: its end arrives.
  const Recorder other = shell("read wait", {.close_fds = false});
  child->transport->get_pipe_transport(0)->close();
  run_until_lost(child);
  other->transport->get_pipe_transport(0)->close();
  run_until_lost(other);
}

TEST_P(SubprocessSurroundings, L9_the_descriptors_of_a_child_are_closed_when_it_is_lost) {
  run_until_lost(execute("true"));
  const auto before = loop_rig::open_descriptors();
  const Recorder child = execute("true");
  const SubprocessTransportRef kept = child->transport;
  run_until_lost(child);
  turns(3);
  EXPECT_EQ(loop_rig::open_descriptors(), before) << "although the transport is kept";
}

TEST_P(SubprocessSurroundings, L10_dropping_the_last_reference_ends_no_child) {
  class Counting : public SubprocessProtocol {
   public:
    Counting(std::string& output, bool& lost) : output_(output), lost_(lost) {}
    void pipe_data_received(int, BytesView data) override { output_ += data.text(); }
    void connection_lost(const Error&) override { lost_ = true; }

   private:
    std::string& output_;
    bool& lost_;
  };
  std::string output;
  bool lost = false;
  const auto factory = [&] { return std::make_shared<Counting>(output, lost); };
  const std::vector<std::string> arguments{"-c", "sleep 0.05; echo still there"};
  static_cast<void>(run(loop().subprocess_exec(factory, "/bin/sh", arguments)));
  ASSERT_TRUE(run_until([&] { return lost; }));
  EXPECT_EQ(output, "still there\n");
}

// --- children that can't be ended ----------------------------------------------------------------

/// As where a child has become another user's. In a process of its own, for a refusal is for good.
TEST_P(SubprocessSurroundings, closing_the_loop_does_not_wait_for_a_child_that_may_not_be_killed) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    {
      Loop own;
      own.set_exception_handler([](Loop&, const ExceptionContext&) {});
      auto starting = own.create_task(own.subprocess_exec(
          [] { return std::make_shared<SubprocessRecorder>(); }, "sleep", {"2"}, kNoPipes));
      own.run_until_complete(starting);
      testing::refuse_call(SYS_pidfd_send_signal, EPERM);
      testing::refuse_call(SYS_kill, EPERM);
    }
    // It runs on, and is nobody's business.
    siginfo_t info{};
    const bool still_runs = ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0;
    ::_exit(still_runs ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  ASSERT_TRUE(WIFEXITED(status)) << status;
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

// --- debug mode ----------------------------------------------------------------------------------

class SubprocessDebugMode_E3 : public loop_rig::WithWrongThread<SubprocessTest> {
 protected:
  [[nodiscard]] LoopOptions loop_options() const override { return {.debug = true}; }
};
TIDEGATE_BOTH_WAYS_OF_WATCHING(SubprocessDebugMode_E3);

TEST_P(SubprocessDebugMode_E3, calls_from_a_wrong_thread_are_refused) {
  const loop_rig::LogCapture log;
  const Recorder child = execute("cat");
  const auto refused = HasSubstr("Non-thread-safe operation");
  EXPECT_THAT(from_a_wrong_thread([&] { child->transport->kill(); }), refused);
  EXPECT_THAT(from_a_wrong_thread([&] { child->transport->close(); }), refused);
  EXPECT_THAT(from_a_wrong_thread([&] { child->transport->set_protocol(child); }), refused);
  EXPECT_FALSE(child->transport->is_closing());
}

TEST_P(SubprocessDebugMode_E3, slow_callbacks_are_logged) {
  loop().set_slow_callback_duration(std::chrono::milliseconds(5));
  const loop_rig::LogCapture log;
  const auto linger = [](SubprocessRecorder&) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
    while (std::chrono::steady_clock::now() < end) {
    }
  };
  auto protocol = std::make_shared<SubprocessRecorder>();
  protocol->on_exited = linger;
  run_until_lost(execute("true", {}, kNoPipes, protocol));
  EXPECT_THAT(log.lines(), Contains(HasSubstr("Executing a callback took")));
}

}  // namespace
}  // namespace tidegate::subprocess_rig
