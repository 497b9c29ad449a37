// Debug mode (E3): calls from a wrong thread are reported and refused, slow callbacks are logged; without it
// neither happens.
#include <tidegate/tidegate.hpp>

#include "contract/loop_rig.hpp"
#include "contract/wrong_thread.hpp"

#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace tidegate {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

class DebugMode_E3 : public loop_rig::WithWrongThread<loop_rig::LoopTest> {
 protected:
  void SetUp() override {
    LoopTest::SetUp();
    loop().set_debug(true);
  }

  /// Keeps this thread busy for as long.
  static void work_for(Duration duration) {
    const auto end = std::chrono::steady_clock::now() + duration;
    while (std::chrono::steady_clock::now() < end) {
    }
  }
};

TEST_F(DebugMode_E3, is_off_at_first_and_can_be_switched) {
  Loop plain;
  EXPECT_FALSE(plain.get_debug());
  plain.set_debug(true);
  EXPECT_TRUE(plain.get_debug());
  const Loop debugging(LoopOptions{.debug = true});
  EXPECT_TRUE(debugging.get_debug());
}

TEST_F(DebugMode_E3, is_switched_on_by_the_environment) {
  ::setenv("TIDEGATE_DEBUG", "1", 1);
  EXPECT_TRUE(Loop().get_debug());
  ::setenv("TIDEGATE_DEBUG", "0", 1);
  EXPECT_FALSE(Loop().get_debug());
  ::setenv("TIDEGATE_DEBUG", "", 1);
  EXPECT_FALSE(Loop().get_debug());
  ::unsetenv("TIDEGATE_DEBUG");
}

TEST_F(DebugMode_E3, a_call_from_a_wrong_thread_is_reported_and_refused) {
  const loop_rig::LogCapture log;
  bool ran = false;
  const std::string text = from_a_wrong_thread([&] { loop().call_soon([&] { ran = true; }); });
  EXPECT_THAT(text, HasSubstr("Non-thread-safe operation"));
  EXPECT_FALSE(ran);
  EXPECT_THAT(log.lines(), Contains(HasSubstr("Non-thread-safe operation")));
}

TEST_F(DebugMode_E3, calls_from_a_wrong_thread_are_refused_throughout) {
  const loop_rig::LogCapture log;
  auto [reader, writer] = loop_rig::make_pipe();
  const FileDescriptor descriptor = reader.get();
  const auto refused = HasSubstr("Non-thread-safe operation");
  EXPECT_THAT(from_a_wrong_thread([&] { loop().call_later(1ms, [] {}); }), refused);
  EXPECT_THAT(from_a_wrong_thread([&] { loop().call_at(loop().time(), [] {}); }), refused);
  EXPECT_THAT(from_a_wrong_thread([&] { loop().add_reader(descriptor, [] {}); }), refused);
  EXPECT_THAT(from_a_wrong_thread([&] { loop().remove_reader(descriptor); }), refused);
  EXPECT_THAT(from_a_wrong_thread([&] { loop().add_writer(descriptor, [] {}); }), refused);
  EXPECT_THAT(from_a_wrong_thread([&] { loop().remove_writer(descriptor); }), refused);
  EXPECT_THAT(from_a_wrong_thread([&] { loop().add_signal_handler(SIGUSR1, [] {}); }), refused);
  EXPECT_THAT(from_a_wrong_thread([&] { loop().remove_signal_handler(SIGUSR1); }), refused);
}

TEST_F(DebugMode_E3, tasks_and_jobs_from_a_wrong_thread_are_refused) {
  const loop_rig::LogCapture log;
  const auto refused = HasSubstr("Non-thread-safe operation");
  EXPECT_THAT(from_a_wrong_thread([&] { loop().create_task(sleep(1ms)); }), refused);
  EXPECT_THAT(from_a_wrong_thread([&] { loop().run_in_executor([] {}); }), refused);
  auto future = loop().create_future<>();
  future.add_done_callback([](Future<> /*done*/) {});
  EXPECT_THAT(from_a_wrong_thread([&] { future.set_result(); }), refused)
      << "it calls call_soon, as in asyncio";
}

TEST_F(DebugMode_E3, writing_to_a_transport_from_a_wrong_thread_is_refused) {
  const loop_rig::LogCapture log;
  auto [own, other] = Socket::pair();
  auto recorder = std::make_shared<loop_rig::Recorder>();
  auto connection = run(loop().create_connection([&] { return recorder; }, std::move(own)));
  Transport& transport = *connection.transport;
  const auto refused = HasSubstr("Non-thread-safe operation");
  EXPECT_THAT(from_a_wrong_thread([&] { transport.write("x"); }), refused);
  EXPECT_THAT(from_a_wrong_thread([&] { transport.pause_reading(); }), refused);
  EXPECT_THAT(from_a_wrong_thread([&] { transport.close(); }), refused);
  EXPECT_THAT(from_a_wrong_thread([&] { transport.abort(); }), refused);
  EXPECT_FALSE(transport.is_closing());
  transport.abort();
  turns(2);
  EXPECT_TRUE(recorder->lost);
}

TEST_F(DebugMode_E3, call_soon_threadsafe_is_welcome_from_every_thread) {
  bool ran = false;
  EXPECT_EQ(from_a_wrong_thread([&] { loop().call_soon_threadsafe([&] { ran = true; }); }), "nothing");
  turns(2);
  EXPECT_TRUE(ran);
}

TEST_F(DebugMode_E3, a_loop_that_does_not_run_belongs_to_no_thread) {
  bool ran = false;
  std::thread other([&] { loop().call_soon([&] { ran = true; }); });
  other.join();
  turn();
  EXPECT_TRUE(ran);
}

TEST_F(DebugMode_E3, a_slow_callback_is_logged) {
  const loop_rig::LogCapture log;
  EXPECT_EQ(loop().slow_callback_duration(), 100ms);
  loop().set_slow_callback_duration(10ms);
  EXPECT_EQ(loop().slow_callback_duration(), 10ms);
  loop().call_soon([] { work_for(20ms); });
  turn();
  ASSERT_EQ(log.lines().size(), 1U);
  EXPECT_EQ(log.levels()[0], LogLevel::warning);
  EXPECT_THAT(log.lines()[0], testing::ContainsRegex("took [0-9]+\\.[0-9]+ seconds"));
}

TEST_F(DebugMode_E3, a_slow_timer_signal_handler_and_reader_are_logged) {
  loop().set_slow_callback_duration(5ms);
  {
    const loop_rig::LogCapture log;
    bool ran = false;
    loop().call_later(0ms, [&] {
      work_for(10ms);
      ran = true;
    });
    EXPECT_TRUE(run_until([&] { return ran; }));
    EXPECT_THAT(log.lines(), Contains(HasSubstr("Executing a callback took")));
  }
  {
    const loop_rig::LogCapture log;
    loop().add_signal_handler(SIGUSR1, [] { work_for(10ms); });
    ::raise(SIGUSR1);
    turns(2);
    EXPECT_THAT(log.lines(), Contains(HasSubstr("Executing a callback took")));
  }
  {
    const loop_rig::LogCapture log;
    auto [reader, writer] = loop_rig::make_pipe();
    const FileDescriptor descriptor = reader.get();
    bool ran = false;
    loop().add_reader(descriptor, [&] {
      work_for(10ms);
      ran = true;
      loop().remove_reader(descriptor);
    });
    ASSERT_EQ(::write(writer.get().number, "x", 1), 1);
    EXPECT_TRUE(run_until([&] { return ran; }));
    EXPECT_THAT(log.lines(), Contains(HasSubstr("Executing a callback took")));
  }
}

TEST_F(DebugMode_E3, a_slow_data_received_is_logged) {
  auto [own, other] = Socket::pair();
  auto recorder = std::make_shared<loop_rig::Recorder>();
  recorder->on_data = [](loop_rig::Recorder&) { work_for(10ms); };
  auto connection = run(loop().create_connection([&] { return recorder; }, std::move(own)));
  loop().set_slow_callback_duration(5ms);
  {
    const loop_rig::LogCapture log;
    ASSERT_EQ(::send(other.descriptor().number, "x", 1, 0), 1);
    EXPECT_TRUE(run_until([&] { return !recorder->received.empty(); }));
    EXPECT_THAT(log.lines(), Contains(HasSubstr("Executing a callback took")));
  }
  connection.transport->abort();
  turns(2);
}

TEST_F(DebugMode_E3, a_slow_callback_that_throws_is_logged_as_well) {
  const loop_rig::LogCapture log;
  loop().set_slow_callback_duration(5ms);
  loop().call_soon([] {
    work_for(10ms);
    throw std::runtime_error("slow and broken");
  });
  turn();
  EXPECT_THAT(log.lines(), Contains(HasSubstr("Executing a callback took")));
  EXPECT_EQ(take_reports().size(), 1U);
}

TEST_F(DebugMode_E3, without_it_nothing_is_logged) {
  const loop_rig::LogCapture log;
  loop().set_debug(false);
  loop().set_slow_callback_duration(1ms);
  loop().call_soon([] { work_for(5ms); });
  turn();
  EXPECT_TRUE(log.lines().empty());
}

TEST_F(DebugMode_E3, a_fast_callback_is_not_logged) {
  const loop_rig::LogCapture log;
  loop().set_slow_callback_duration(10s);
  for (int count = 0; count < 100; ++count) loop().call_soon([] {});
  turn();
  EXPECT_TRUE(log.lines().empty());
}

}  // namespace
}  // namespace tidegate
