// The loop's pool of threads: run_in_executor, and the names that are looked up there.
#include <tidegate/tidegate.hpp>

#include "contract/loop_rig.hpp"

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <netdb.h>

namespace tidegate {
namespace {

using namespace std::chrono_literals;
using loop_rig::LoopTest;
using testing::HasSubstr;

// --- the executor ------------------------------------------------------------------------------------------

class ExecutorThreads : public LoopTest {};

TEST_F(ExecutorThreads, a_function_runs_on_another_thread_and_its_result_comes_back) {
  std::thread::id ran_on;
  auto future = loop().run_in_executor([&] {
    ran_on = std::this_thread::get_id();
    return std::string("a result");
  });
  EXPECT_FALSE(future.done());
  EXPECT_EQ(loop().run_until_complete(future), "a result");
  EXPECT_NE(ran_on, std::this_thread::get_id());
}

TEST_F(ExecutorThreads, results_that_only_move_and_no_results_at_all_come_back) {
  EXPECT_EQ(*loop().run_until_complete(loop().run_in_executor([] { return std::make_unique<int>(7); })), 7);
  std::atomic<bool> ran{false};
  loop().run_until_complete(loop().run_in_executor([&] { ran = true; }));
  EXPECT_TRUE(ran);
}

TEST_F(ExecutorThreads, what_the_function_throws_is_thrown_at_the_await) {
  auto future = loop().run_in_executor([]() -> int { throw std::runtime_error("the job failed"); });
  EXPECT_EQ(loop_rig::thrown_text<std::runtime_error>([&] { loop().run_until_complete(future); }),
            "the job failed");
}

TEST_F(ExecutorThreads, a_function_holds_what_it_captured_no_longer_than_it_runs) {
  auto held = std::make_shared<int>(1);
  {
    auto job = [held] {};
    loop().run_until_complete(loop().run_in_executor(job));
  }
  EXPECT_EQ(held.use_count(), 1);
}

/// A door that jobs wait behind.
class Door {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  void wait_for(int waiting) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_ >= waiting; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int waiting_ = 0;
};

TEST(ExecutorThreadsOfItsOwn, cancelling_before_the_start_keeps_the_function_from_running) {
  Loop loop(LoopOptions{.executor_threads = 1});
  Door door;
  std::atomic<bool> ran{false};
  auto held = std::make_shared<int>(1);
  auto first = loop.run_in_executor([&] { door.pass(); });
  auto job = [&ran, held] { ran = true; };
  auto second = loop.run_in_executor(job);
  door.wait_for(1);
  EXPECT_TRUE(second.cancel());
  EXPECT_TRUE(second.cancelled());
  auto third = loop.run_in_executor([] { return 3; });
  door.open();
  EXPECT_EQ(loop.run_until_complete(third), 3);  // one thread: the second's turn has been before
  EXPECT_FALSE(ran);
  EXPECT_TRUE(first.done());
  EXPECT_THROW(loop.run_until_complete(second), CancelledError);
}

TEST(ExecutorThreadsOfItsOwn, cancelling_while_the_function_runs_drops_its_result) {
  Loop loop(LoopOptions{.executor_threads = 1});
  Door door;
  auto running = loop.run_in_executor([&] {
    door.pass();
    return std::string("nobody wants it");
  });
  door.wait_for(1);
  EXPECT_TRUE(running.cancel());
  door.open();
  loop.run_until_complete(loop.run_in_executor([] {}));
  EXPECT_TRUE(running.cancelled());
}

TEST(ExecutorThreadsOfItsOwn, the_number_of_threads_keeps_its_limit) {
  std::thread([] {}).join();  // with the first thread of a program a sanitizer starts one of its own
  const auto before = loop_rig::threads();
  {
    Loop loop(LoopOptions{.executor_threads = 3});
    Door door;
    std::vector<Future<void>> jobs;
    for (int job = 0; job < 20; ++job) jobs.push_back(loop.run_in_executor([&] { door.pass(); }));
    door.wait_for(3);
    EXPECT_LE(loop_rig::threads().size(), before.size() + 3);
    door.open();
    for (const Future<void>& job : jobs) loop.run_until_complete(job);
  }
}

TEST(ExecutorThreadsOfItsOwn, closing_the_loop_waits_for_the_job_that_runs_and_completes_none) {
  std::atomic<bool> finished{false};
  auto held = std::make_shared<int>(1);
  Future<int> running;
  Future<void> waiting;
  Door door;
  {
    Loop loop(LoopOptions{.executor_threads = 1});
    running = loop.run_in_executor([&] {
      door.pass();
      finished = true;
      return 1;
    });
    auto job = [held] {};
    waiting = loop.run_in_executor(job);
    door.wait_for(1);
    std::thread opener([&] { door.open(); });
    loop.close();
    EXPECT_TRUE(finished) << "close() returned before the running job had ended";
    opener.join();
  }
  EXPECT_FALSE(running.done()) << "a closed loop completes nothing";
  EXPECT_FALSE(waiting.done());
}

TEST(ExecutorThreadsOfItsOwn, a_job_may_call_the_loop_while_that_is_being_closed) {
  Door door;
  std::atomic<int> refused{0};
  std::thread opener;
  {
    Loop loop(LoopOptions{.executor_threads = 1});
    auto job = loop.run_in_executor([&] {
      door.pass();
      for (int call = 0; call < 100; ++call) {
        try {
          loop.call_soon_threadsafe([] {});
        } catch (const InvalidStateError&) {
          ++refused;
        }
      }
    });
    door.wait_for(1);
    opener = std::thread([&] { door.open(); });
    loop.close();
  }
  opener.join();
}

TEST_F(ExecutorThreads, take_no_signals_from_the_program) {
  sigset_t blocked;
  sigemptyset(&blocked);
  loop().run_until_complete(loop().run_in_executor([&] { pthread_sigmask(SIG_BLOCK, nullptr, &blocked); }));
  EXPECT_EQ(sigismember(&blocked, SIGTERM), 1);
  EXPECT_EQ(sigismember(&blocked, SIGUSR1), 1);
}

// --- names -------------------------------------------------------------------------------------------------

class NamesThreads : public LoopTest {};

TEST_F(NamesThreads, a_numeric_host_is_answered_without_a_thread) {
  const auto before = loop_rig::threads();
  const auto ipv4 = run(loop().getaddrinfo("127.0.0.1", 80));
  const auto ipv6 = run(loop().getaddrinfo("::1", 443));
  const auto every = run(loop().getaddrinfo("", 8080, {.passive = true}));
  EXPECT_EQ(loop_rig::threads(), before);
  ASSERT_EQ(ipv4.size(), 1U);
  EXPECT_EQ(ipv4[0].to_string(), "127.0.0.1:80");
  ASSERT_EQ(ipv6.size(), 1U);
  EXPECT_EQ(ipv6[0].to_string(), "[::1]:443");
  EXPECT_EQ(every.size(), 2U);
}

TEST_F(NamesThreads, localhost_is_looked_up) {
  const auto found = run(loop().getaddrinfo("localhost", 80, {.family = AddressFamily::ipv4}));
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found[0].host(), "127.0.0.1");
  EXPECT_EQ(found[0].port(), Port(80));
}

TEST_F(NamesThreads, a_name_that_does_not_exist_is_named_by_the_error) {
  try {
    static_cast<void>(run(loop().getaddrinfo("no-such-host.invalid", 80)));
    ADD_FAILURE() << "it was resolved";
  } catch (const ResolveError& error) {
    EXPECT_THAT(error.what(), HasSubstr("no-such-host.invalid"));
    EXPECT_EQ(&error.code().category(), &resolver_category());
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
  }
}

TEST_F(NamesThreads, a_name_longer_than_any_host_name_fails_in_order) {
  const std::string name(300, 'a');  // CVE-2024-24806: cut at 256, it was another name
  EXPECT_THROW(static_cast<void>(run(loop().getaddrinfo(name, 80))), ResolveError);
}

TEST_F(NamesThreads, a_name_that_would_be_an_address_if_it_were_cut_is_none) {
  for (const std::size_t size : {255U, 256U, 1024U, 1025U}) {
    // An octal number with zeros before it, which the resolver reads as 127.0.0.1.
    const std::string end = "177.0.0.1";
    const std::string address = std::string(size - end.size(), '0') + end;
    const auto found = run(loop().getaddrinfo(address, 80, {.family = AddressFamily::ipv4}));
    ASSERT_EQ(found.size(), 1U) << size;
    EXPECT_EQ(found[0].host(), "127.0.0.1");
    EXPECT_THROW(static_cast<void>(run(loop().getaddrinfo(address + ".no-such-host.invalid", 80))),
                 ResolveError)
        << size;
  }
}

TEST_F(NamesThreads, an_address_has_a_name_and_a_number) {
  const Endpoint endpoint = *Endpoint::from_numeric_host("127.0.0.1", 80);
  const NameInfo numbers = run(loop().getnameinfo(endpoint, {.numeric_host = true, .numeric_service = true}));
  EXPECT_EQ(numbers.host, "127.0.0.1");
  EXPECT_EQ(numbers.service, "80");
  const NameInfo names = run(loop().getnameinfo(endpoint));
  EXPECT_FALSE(names.host.empty());
}

TEST_F(NamesThreads, only_addresses_of_hosts_have_names) {
  EXPECT_THROW(static_cast<void>(run(loop().getnameinfo(Endpoint::unix_path("/nowhere")))),
               std::invalid_argument);
}

TEST_F(NamesThreads, a_lookup_can_be_given_up) {
  auto lookup = loop().create_task(loop().getaddrinfo("localhost", 80));
  turn();
  lookup.cancel();
  EXPECT_THROW(static_cast<void>(loop().run_until_complete(Future<std::vector<Endpoint>>(lookup))),
               CancelledError);
}

}  // namespace
}  // namespace tidegate
