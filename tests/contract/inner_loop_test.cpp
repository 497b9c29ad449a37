// What the loop's core does for another language's loop that stands on it: an end in the middle of an
// iteration, being told of sleep, and children that fork while it runs.
#include <tidegate/tidegate.hpp>

#include "contract/loop_rig.hpp"
#include "loop/loop_core.hpp"
#include "transport/stream_transport.hpp"

#include <stdexcept>
#include <string>
#include <vector>

#include <sys/wait.h>

namespace tidegate {
namespace {

using namespace std::chrono_literals;
using loop_rig::LoopTest;

class InnerLoop : public LoopTest {
 protected:
  std::vector<std::string> ran_;

  [[nodiscard]] auto note(std::string what) {
    return [this, what = std::move(what)] { ran_.push_back(what); };
  }
};

// --- an end in the middle ----------------------------------------------------------------------------------

TEST_F(InnerLoop, an_interruption_keeps_what_was_to_run_behind_it_for_the_next_run) {
  loop().call_soon(note("first"));
  loop().call_soon([this] {
    ran_.emplace_back("interrupting");
    loop().core().interrupt();
    loop().call_soon(note("added"));
  });
  loop().call_soon(note("behind"));
  loop().run_forever();
  EXPECT_EQ(ran_, (std::vector<std::string>{"first", "interrupting"}));

  ran_.clear();
  turn();
  EXPECT_EQ(ran_, (std::vector<std::string>{"behind", "added"}));
}

TEST_F(InnerLoop, an_interruption_by_a_timer_keeps_the_timers_that_were_due_with_it) {
  const TimePoint when = loop().time();
  loop().call_at(when, [this] {
    ran_.emplace_back("interrupting");
    loop().core().interrupt();
  });
  loop().call_at(when, note("due"));
  loop().call_at(when, note("due as well"));
  loop().run_forever();
  EXPECT_EQ(ran_, (std::vector<std::string>{"interrupting"}));

  ran_.clear();
  turn();
  EXPECT_EQ(ran_, (std::vector<std::string>{"due", "due as well"}));
}

TEST_F(InnerLoop, an_interruption_leaves_events_for_the_next_run) {
  const auto [reading, writing] = loop_rig::make_pipe();
  ASSERT_EQ(::write(writing.get().number, "x", 1), 1);
  loop().add_reader(reading.get(), note("readable"));
  loop().call_soon([this] { loop().core().interrupt(); });
  loop().run_forever();
  EXPECT_EQ(ran_, std::vector<std::string>{});
  turn();
  EXPECT_EQ(ran_, std::vector<std::string>{"readable"});
  loop().remove_reader(reading.get());
}

// --- sleep -------------------------------------------------------------------------------------------------

class CountingObserver final : public loop::SleepObserver {
 public:
  void falls_asleep() noexcept override {
    EXPECT_FALSE(asleep);
    asleep = true;
    ++sleeps;
  }
  void wakes_up() noexcept override {
    EXPECT_TRUE(asleep);
    asleep = false;
  }

  bool asleep = false;
  int sleeps = 0;
};

TEST_F(InnerLoop, sleep_is_told_of_and_only_where_there_is_nothing_to_do) {
  CountingObserver observer;
  loop().core().sleep_observer = &observer;
  for (int count = 0; count < 5; ++count) {
    loop().call_soon([&] { EXPECT_FALSE(observer.asleep); });
    turn();
  }
  EXPECT_EQ(observer.sleeps, 0);

  loop().call_later(1ms, [&] {
    EXPECT_FALSE(observer.asleep);
    loop().stop();
  });
  loop().run_forever();
  EXPECT_GE(observer.sleeps, 1);
  EXPECT_FALSE(observer.asleep);
  loop().core().sleep_observer = nullptr;
}

TEST_F(InnerLoop, E1_timers_that_were_cancelled_do_not_wake_it) {
  CountingObserver observer;
  loop().core().sleep_observer = &observer;
  for (int count = 1; count <= 100; ++count) loop().call_later(count * 300us, [] {}).cancel();
  loop().call_later(30ms, [&] { loop().stop(); });
  loop().run_forever();
  EXPECT_LT(observer.sleeps, 20);
  loop().core().sleep_observer = nullptr;
}

// --- children ----------------------------------------------------------------------------------------------

TEST_F(InnerLoop, a_child_that_is_forked_by_a_callback_runs_a_loop_of_its_own) {
  pid_t pid = -1;
  loop().call_soon([&] {
    pid = ::fork();
    if (pid == 0) {
      bool ran = false;
      {
        Loop own;
        own.call_soon([&] {
          ran = &get_running_loop() == &own;
          own.stop();
        });
        own.run_forever();
      }
      ::_exit(ran ? 0 : 1);
    }
    loop().stop();
  });
  loop().run_forever();
  ASSERT_GT(pid, 0);
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

// --- a reason ----------------------------------------------------------------------------------------------

TEST_F(InnerLoop, whoever_stands_between_gives_an_abort_its_reason) {
  loop_rig::Recorders clients;
  loop_rig::Recorders served;
  Server server = run(loop().create_server(served.factory(), "127.0.0.1", Port(0)));
  static_cast<void>(
      run(loop().create_connection(clients.factory(), "127.0.0.1", server.endpoints().front().port())));
  auto& client = *clients.all.front();
  auto& transport = dynamic_cast<transport::StreamTransport&>(*client.transport);
  transport.write("lost with it");
  transport.abort_for(Error(std::make_exception_ptr(std::runtime_error("no more of this"))));
  EXPECT_FALSE(client.lost);
  ASSERT_TRUE(run_until([&] { return client.lost; }));
  EXPECT_EQ(client.lost_reason.message(), "no more of this");
  ASSERT_TRUE(run_until([&] { return served.lost_count() == 1; }));
  server.close();
}

}  // namespace
}  // namespace tidegate
