// Tasks: what it costs to await something that is there, to await something that is not, and to start a task.
#include <tidegate/tidegate.hpp>

#include <cstdint>

#include <benchmark/benchmark.h>

namespace tidegate {
namespace {

constexpr std::int64_t kAwaits = 1000;  // within one run of the loop, so that starting it does not count

Task<int> ready_value() { co_return 1; }

Task<> await_coroutines() {
  for (std::int64_t count = 0; count < kAwaits; ++count) {
    const int value = co_await ready_value();
    benchmark::DoNotOptimize(value);
  }
}

Task<> await_done_futures(Loop& loop) {
  auto future = loop.create_future<int>();
  future.set_result(1);
  for (std::int64_t count = 0; count < kAwaits; ++count) {
    const int value = co_await future;
    benchmark::DoNotOptimize(value);
  }
}

/// Each await suspends, goes through the ready queue twice, and is resumed.
Task<> await_pending_futures(Loop& loop) {
  for (std::int64_t count = 0; count < kAwaits; ++count) {
    auto future = loop.create_future<int>();
    loop.call_soon([future] { future.set_result(1); });
    const int value = co_await future;
    benchmark::DoNotOptimize(value);
  }
}

Task<> start_and_await_tasks(Loop& loop) {
  for (std::int64_t count = 0; count < kAwaits; ++count) {
    auto task = loop.create_task(ready_value());
    const int value = co_await task;
    benchmark::DoNotOptimize(value);
  }
}

template <typename MakeTask>
void run(benchmark::State& state, MakeTask make_task) {
  Loop loop;
  for (auto _ : state) loop.run_until_complete(make_task(loop));
  state.SetItemsProcessed(state.iterations() * kAwaits);
}

void await_coroutine(benchmark::State& state) {
  run(state, [](Loop&) { return await_coroutines(); });
}
BENCHMARK(await_coroutine);

void await_done_future(benchmark::State& state) { run(state, await_done_futures); }
BENCHMARK(await_done_future);

void await_pending_future(benchmark::State& state) { run(state, await_pending_futures); }
BENCHMARK(await_pending_future);

void start_and_await_task(benchmark::State& state) { run(state, start_and_await_tasks); }
BENCHMARK(start_and_await_task);

}  // namespace
}  // namespace tidegate
