// The timer queue: insert, cancel and expire, each beside so many timers that wait already. Knows the queue
// by its interface only; a timer is made and let go of as call_later does it.
#include "loop/timer_queue.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include <benchmark/benchmark.h>

namespace tidegate::loop {
namespace {

using detail::ReadyQueue;
using detail::ScheduledTimer;
using std::chrono::nanoseconds;

constexpr std::size_t kBatch = 1000;  // timed at once, so that reading the clock does not count

/// Deadlines as servers have them: between now and a minute from now, in no order.
class Deadlines {
 public:
  TimePoint next() { return TimePoint(nanoseconds(spread_(random_))); }

 private:
  std::mt19937_64 random_{1};
  std::uniform_int_distribution<std::int64_t> spread_{1, std::int64_t{60} * 1'000'000'000};
};

TimerHandle insert(TimerQueue& queue, TimePoint when) {
  auto* timer = new ScheduledTimer(when, [] {});
  queue.insert(*timer);
  return TimerHandle(timer);
}

void fill(TimerQueue& queue, Deadlines& deadlines, std::size_t count) {
  while (queue.size() < count) insert(queue, deadlines.next());
}

std::vector<TimePoint> batch_of(Deadlines& deadlines) {
  std::vector<TimePoint> batch(kBatch);
  std::generate(batch.begin(), batch.end(), [&] { return deadlines.next(); });
  return batch;
}

std::size_t waiting(const benchmark::State& state) { return static_cast<std::size_t>(state.range(0)); }

void count_batches(benchmark::State& state) {
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatch));
}

void insert_timers(benchmark::State& state) {
  TimerQueue queue;
  Deadlines deadlines;
  fill(queue, deadlines, waiting(state));
  const std::vector<TimePoint> batch = batch_of(deadlines);
  std::vector<TimerHandle> handles(kBatch);
  for (auto _ : state) {
    for (std::size_t index = 0; index < kBatch; ++index) handles[index] = insert(queue, batch[index]);
    state.PauseTiming();
    for (TimerHandle& handle : handles) handle.cancel();
    state.ResumeTiming();
  }
  count_batches(state);
}

void cancel_timers(benchmark::State& state) {
  TimerQueue queue;
  Deadlines deadlines;
  fill(queue, deadlines, waiting(state));
  const std::vector<TimePoint> batch = batch_of(deadlines);
  std::vector<TimerHandle> handles(kBatch);
  std::mt19937_64 random(2);
  for (auto _ : state) {
    state.PauseTiming();
    for (std::size_t index = 0; index < kBatch; ++index) handles[index] = insert(queue, batch[index]);
    std::shuffle(handles.begin(), handles.end(), random);
    state.ResumeTiming();
    for (TimerHandle& handle : handles) handle.cancel();
  }
  count_batches(state);
}

/// Time passes until about a batch is due; then as many are inserted behind the others, so that the queue
/// keeps its size.
void expire_timers(benchmark::State& state) {
  const auto horizon = std::chrono::minutes(1);
  const auto step = nanoseconds(horizon) * kBatch / waiting(state);
  TimerQueue queue;
  Deadlines deadlines;
  fill(queue, deadlines, waiting(state));
  TimePoint now{};
  std::int64_t expired = 0;
  for (auto _ : state) {
    ReadyQueue due;
    now += step;
    queue.take_due(now, due);
    const std::size_t count = due.size();
    while (!due.empty()) due.pop().run();
    state.PauseTiming();
    const TimePoint base = now;
    for (std::size_t index = 0; index < count; ++index) {
      insert(queue, base + deadlines.next().time_since_epoch());
    }
    expired += static_cast<std::int64_t>(count);
    state.ResumeTiming();
  }
  state.SetItemsProcessed(expired);
}

/// What most timers of servers come to: set, then cancelled because the answer came in time.
void insert_and_cancel_one_timer(benchmark::State& state) {
  TimerQueue queue;
  Deadlines deadlines;
  fill(queue, deadlines, waiting(state));
  const std::vector<TimePoint> batch = batch_of(deadlines);
  std::size_t index = 0;
  for (auto _ : state) {
    insert(queue, batch[index]).cancel();
    index = (index + 1) % kBatch;
  }
}

void sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgName("waiting")->Arg(1'000)->Arg(100'000)->Arg(1'000'000);
}

BENCHMARK(insert_timers)->Apply(sizes);
BENCHMARK(cancel_timers)->Apply(sizes);
BENCHMARK(expire_timers)->Apply(sizes);
BENCHMARK(insert_and_cancel_one_timer)->Apply(sizes);

}  // namespace
}  // namespace tidegate::loop
