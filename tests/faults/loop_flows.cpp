// Flows of the loop itself, without a transport: see flows.hpp.
#include <tidegate/gather.hpp>
#include <tidegate/queue.hpp>
#include <tidegate/task_group.hpp>
#include <tidegate/timeout.hpp>

#include "faults/flows.hpp"
#include "net/descriptor_calls.hpp"

#include <csignal>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sys/socket.h>

namespace tidegate::faults {

namespace {

Task<int> after_turns(int turns) {
  for (int turn = 0; turn < turns; ++turn) {
    auto passing = sleep(Duration::zero());
    co_await std::move(passing);
  }
  co_return turns;
}

Task<void> gather_some() {
  std::vector<Task<int>> several;
  for (int turns = 0; turns < 5; ++turns) several.push_back(after_turns(turns));
  const std::vector<int> results = co_await gather(std::move(several));
  if (results.size() != 5) throw CutShort("gather lost a result");
}

/// A time-out that is not needed, and one that is.
Task<void> wait_in_vain(Stage& stage) {
  auto in_time = wait_for(after_turns(2), std::chrono::seconds(1));
  static_cast<void>(co_await std::move(in_time));
  auto never = stage.loop().create_future<void>();
  auto too_late = wait_for(never, std::chrono::milliseconds(1));
  bool timed_out = false;
  try {
    co_await std::move(too_late);
  } catch (const TimeoutError&) {
    timed_out = true;
  }
  if (!timed_out) throw CutShort("nothing timed out");
}

Task<void> cancel_one(Stage& stage) {
  auto never = stage.loop().create_future<void>();
  const auto waiting = [](Future<void> future) -> Task<void> { co_await future; };
  auto task = stage.loop().create_task(waiting(never));
  auto turn = sleep(Duration::zero());
  co_await std::move(turn);
  task.cancel("no longer wanted");
  bool cancelled = false;
  try {
    co_await task;
  } catch (const CancelledError&) {
    cancelled = true;
  }
  if (!cancelled) throw CutShort("nothing was cancelled");
}

Task<void> group_some() {
  const auto body = [](TaskGroup& group) -> Task<void> {
    for (int turns = 0; turns < 4; ++turns) static_cast<void>(group.create_task(after_turns(turns)));
    co_return;
  };
  auto grouped = task_group(body);
  co_await std::move(grouped);
}

Task<void> pass_through_queue(Stage& stage) {
  auto queue = std::make_shared<Queue<int>>(1);
  const auto put_some = [](std::shared_ptr<Queue<int>> to) -> Task<void> {
    for (int item = 0; item < 4; ++item) co_await to->put(item);
  };
  auto putting = stage.loop().create_task(put_some(queue));
  for (int item = 0; item < 4; ++item) {
    auto getting = wait_for(queue->get(), std::chrono::milliseconds(50));
    try {
      static_cast<void>(co_await std::move(getting));
    } catch (const TimeoutError&) {
      break;  // whoever puts has failed, and says so
    }
  }
  co_await putting;
}

/// Calls of the program's own.
bool takes_a_byte(FileDescriptor socket) {
  const Spared spared;
  char byte = 0;
  iovec piece{.iov_base = &byte, .iov_len = 1};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  return net::call::recvmsg(socket, &message, MSG_DONTWAIT) == 1;
}

bool gives_a_byte(FileDescriptor socket) {
  const Spared spared;
  char byte = 'b';
  iovec piece{.iov_base = &byte, .iov_len = 1};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  return net::call::sendmsg(socket, &message, MSG_DONTWAIT) == 1;
}

}  // namespace

Task<void> play_tasks(Stage& stage) {
  stage.begin();
  auto gathering = gather_some();
  co_await std::move(gathering);
  auto waiting = wait_in_vain(stage);
  co_await std::move(waiting);
  auto cancelling = cancel_one(stage);
  co_await std::move(cancelling);
  auto grouping = group_some();
  co_await std::move(grouping);
  auto passing = pass_through_queue(stage);
  co_await std::move(passing);
}

// What is counted is shared with what counts, which may be called when a flow was cut short.

Task<void> play_timers(Stage& stage) {
  constexpr int kTimers = 40;
  const auto rung = std::make_shared<int>(0);
  stage.begin();
  std::vector<TimerHandle> timers;
  for (int number = 0; number < kTimers; ++number) {
    timers.push_back(stage.loop().call_later(std::chrono::microseconds(number * 7 % 10), [rung, &stage] {
      ++*rung;
      stage.changed();
    }));
  }
  timers.front().cancel();
  static_cast<void>(stage.loop().call_soon([rung] { ++*rung; }));
  while (*rung < kTimers) {
    auto change = stage.change();
    co_await change;
  }
}

Task<void> play_threadsafe_calls(Stage& stage) {
  constexpr int kCalls = 20;
  const auto called = std::make_shared<int>(0);
  stage.begin();
  std::exception_ptr failure;
  std::thread thread([&] {
    try {
      for (int call = 0; call < kCalls; ++call) {
        static_cast<void>(stage.loop().call_soon_threadsafe([called, &stage] {
          ++*called;
          stage.changed();
        }));
      }
    } catch (...) {
      failure = std::current_exception();
    }
  });
  thread.join();
  if (failure != nullptr) std::rethrow_exception(failure);
  while (*called < kCalls) {
    auto change = stage.change();
    co_await change;
  }
}

Task<void> play_executor(Stage& stage) {
  stage.begin();
  std::vector<Future<std::string>> jobs;
  for (int job = 0; job < 4; ++job)
    jobs.push_back(stage.loop().run_in_executor([] { return std::string(100, 'j'); }));
  for (Future<std::string>& job : jobs) {
    const std::string result = co_await job;
    if (result.size() != 100) throw CutShort("a job lost its result");
  }
  auto resolving = stage.loop().getaddrinfo("localhost", 80);
  const std::vector<Endpoint> addresses = co_await std::move(resolving);
  if (addresses.empty()) throw CutShort("localhost has no address");
}

/// A byte from one socket to another, told of by the loop.
Task<void> play_readers_and_writers(Stage& stage) {
  const auto [reads, writes] = stage.socket_pair();
  struct Unwatched {
    Loop& loop;
    FileDescriptor reader;
    FileDescriptor writer;
    ~Unwatched() {
      loop.remove_reader(reader);
      loop.remove_writer(writer);
    }
  };
  const Unwatched unwatched{stage.loop(), reads.descriptor(), writes.descriptor()};
  stage.begin();
  int read = 0;
  int written = 0;
  stage.loop().add_reader(unwatched.reader, [&] {
    read += takes_a_byte(unwatched.reader) ? 1 : 0;
    stage.changed();
  });
  stage.loop().add_writer(unwatched.writer, [&] {
    if (written - read == 0) written += gives_a_byte(unwatched.writer) ? 1 : 0;
  });
  while (read < 5) {
    auto change = stage.change();
    co_await change;
  }
}

Task<void> play_signals(Stage& stage) {
  stage.begin();
  int seen = 0;
  struct Unhandled {
    Loop& loop;
    ~Unhandled() { loop.remove_signal_handler(SIGUSR1); }
  };
  const Unhandled unhandled{stage.loop()};
  stage.loop().add_signal_handler(SIGUSR1, [&] {
    ++seen;
    stage.changed();
  });
  for (int signal = 1; signal <= 3; ++signal) {
    std::raise(SIGUSR1);
    while (seen < signal) {
      auto change = stage.change();
      co_await change;
    }
  }
}

}  // namespace tidegate::faults
