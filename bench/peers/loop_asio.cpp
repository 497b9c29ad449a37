// Asio's loop: what timers and calls cost; see loop_program.h for what is counted.
//
// A timer is a steady_timer, constructed in memory that was reserved, and an async_wait. Cancelling is
// counted until the handlers have been told, because Asio always tells them.
#include "loop_program.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include <asio.hpp>

namespace {

// --- timers ------------------------------------------------------------------------------------------------

void measure_timers(std::size_t count) {
  asio::io_context io_context(1);
  std::size_t left = count;
  const auto on_end = [&](std::error_code) { --left; };
  std::vector<asio::steady_timer> timers;
  timers.reserve(count);
  const std::unique_ptr<std::size_t, decltype(&std::free)> order(shuffled_numbers(count), &std::free);

  const std::uint64_t begun = thread_nanoseconds();
  for (std::size_t i = 0; i < count; ++i) {
    timers.emplace_back(io_context, std::chrono::milliseconds(far_milliseconds(i)));
    timers.back().async_wait(on_end);
  }
  const std::uint64_t inserted = thread_nanoseconds();
  for (std::size_t i = 0; i < count; ++i) timers[order.get()[i]].cancel();
  io_context.run();
  const std::uint64_t cancelled = thread_nanoseconds();
  if (left != 0) std::abort();

  left = count;
  for (std::size_t i = 0; i < count; ++i) {
    timers[i].expires_after(std::chrono::milliseconds(near_milliseconds(i)));
    timers[i].async_wait(on_end);
  }
  let_near_timers_become_due();
  io_context.restart();
  const std::uint64_t all_due = thread_nanoseconds();
  io_context.run();
  print_timers(count, inserted - begun, cancelled - inserted, thread_nanoseconds() - all_due);
  if (left != 0) std::abort();
}

// --- calls -------------------------------------------------------------------------------------------------

class Chain {
 public:
  Chain(asio::io_context& io_context, std::size_t& left) : io_context_(io_context), left_(left) {}

  void schedule() {
    asio::post(io_context_, [this] { step(); });
  }

 private:
  void step() {
    if (--left_ == 0) return io_context_.stop();
    schedule();
  }

  asio::io_context& io_context_;
  std::size_t& left_;
};

void measure_call_soon(std::size_t count) {
  asio::io_context io_context(1);
  std::size_t left = count;
  std::vector<Chain> chains(LOOP_CHAINS, Chain(io_context, left));
  const std::uint64_t begun = thread_nanoseconds();
  for (Chain& chain : chains) chain.schedule();
  io_context.run();
  print_calls(count, thread_nanoseconds() - begun);
}

void measure_threads(std::size_t count) {
  asio::io_context io_context;
  std::optional work(asio::make_work_guard(io_context));
  std::size_t left = count;
  const std::uint64_t processor_begun = process_nanoseconds();
  const std::uint64_t begun = clock_nanoseconds();
  std::thread other([&] {
    for (std::size_t i = 0; i < count; ++i) {
      asio::post(io_context, [&] {
        if (--left == 0) work.reset();
      });
    }
  });
  io_context.run();
  const std::uint64_t ended = clock_nanoseconds();
  other.join();
  print_thread_calls(count, ended - begun, process_nanoseconds() - processor_begun);
}

}  // namespace

int main(int argc, char** argv) {
  const loop_request request = read_loop_request(argc, argv, nullptr, "");
  switch (request.work) {
    case LOOP_TIMERS:
      measure_timers(request.count);
      break;
    case LOOP_CALL_SOON:
      measure_call_soon(request.count);
      break;
    case LOOP_THREADS:
      measure_threads(request.count);
      break;
  }
}
