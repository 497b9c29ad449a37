// Tidegate's loop: what timers and calls cost; see loop_program.h for what is counted.
//
// A timer is a call_later, and its handle lies in a vector. What is called is a lambda.
//
//     --backend NAME    the kernel interface to stand on, or to fail without; instead of the default
#include <tidegate/tidegate.hpp>

#include "loop_program.h"
#include "tidegate_backend.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

namespace {

// --- its own option ----------------------------------------------------------------------------------------

tidegate::LoopOptions loop_options;

bool read_own_option(const char* name, const char* value) {
  return std::string_view(name) == "--backend" && read_backend(value, loop_options);
}

// --- timers ------------------------------------------------------------------------------------------------

void measure_timers(std::size_t count) {
  tidegate::Loop loop(loop_options);
  require_backend(loop, loop_options.backend);
  std::size_t left = count;
  const auto on_expired = [&] {
    if (--left == 0) loop.stop();
  };
  std::vector<tidegate::TimerHandle> timers(count);
  const std::unique_ptr<std::size_t, decltype(&std::free)> order(shuffled_numbers(count), &std::free);

  const std::uint64_t begun = thread_nanoseconds();
  for (std::size_t i = 0; i < count; ++i) {
    timers[i] = loop.call_later(std::chrono::milliseconds(far_milliseconds(i)), on_expired);
  }
  const std::uint64_t inserted = thread_nanoseconds();
  for (std::size_t i = 0; i < count; ++i) timers[order.get()[i]].cancel();
  const std::uint64_t cancelled = thread_nanoseconds();

  for (std::size_t i = 0; i < count; ++i) {
    timers[i] = loop.call_later(std::chrono::milliseconds(near_milliseconds(i)), on_expired);
  }
  let_near_timers_become_due();
  const std::uint64_t all_due = thread_nanoseconds();
  loop.run_forever();
  print_timers(count, inserted - begun, cancelled - inserted, thread_nanoseconds() - all_due);
}

// --- calls -------------------------------------------------------------------------------------------------

class Chain {
 public:
  Chain(tidegate::Loop& loop, std::size_t& left) : loop_(loop), left_(left) {}

  void schedule() {
    loop_.call_soon([this] { step(); });
  }

 private:
  void step() {
    if (--left_ == 0) return loop_.stop();
    schedule();
  }

  tidegate::Loop& loop_;
  std::size_t& left_;
};

void measure_call_soon(std::size_t count) {
  tidegate::Loop loop(loop_options);
  require_backend(loop, loop_options.backend);
  std::size_t left = count;
  std::vector<Chain> chains(LOOP_CHAINS, Chain(loop, left));
  const std::uint64_t begun = thread_nanoseconds();
  for (Chain& chain : chains) chain.schedule();
  loop.run_forever();
  print_calls(count, thread_nanoseconds() - begun);
}

void measure_threads(std::size_t count) {
  tidegate::Loop loop(loop_options);
  require_backend(loop, loop_options.backend);
  std::size_t left = count;
  const std::uint64_t processor_begun = process_nanoseconds();
  const std::uint64_t begun = clock_nanoseconds();
  std::thread other([&] {
    for (std::size_t i = 0; i < count; ++i) {
      loop.call_soon_threadsafe([&] {
        if (--left == 0) loop.stop();
      });
    }
  });
  loop.run_forever();
  const std::uint64_t ended = clock_nanoseconds();
  other.join();
  print_thread_calls(count, ended - begun, process_nanoseconds() - processor_begun);
}

void measure(const loop_request& request) {
  switch (request.work) {
    case LOOP_TIMERS:
      return measure_timers(request.count);
    case LOOP_CALL_SOON:
      return measure_call_soon(request.count);
    case LOOP_THREADS:
      return measure_threads(request.count);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const loop_request request =
      read_loop_request(argc, argv, read_own_option, " [--backend auto|epoll|io_uring]");
  try {
    measure(request);
  } catch (const std::exception& error) {
    std::cerr << argv[0] << ": " << error.what() << '\n';
    return 1;
  }
}
