// The ready queue: what a callback pays for waiting its turn, without and with its memory.
#include "loop/ready_queue.hpp"
#include "loop/scheduled_call.hpp"

#include <cstdint>
#include <vector>

#include <benchmark/benchmark.h>

namespace tidegate::detail {
namespace {

struct Node final : ReadyNode {
  void run() override {}
  void discard() noexcept override {}
};

/// As many at once as an iteration of a busy loop has.
void push_and_pop(benchmark::State& state) {
  ReadyQueue queue;
  std::vector<Node> nodes(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    for (Node& node : nodes) queue.push(node);
    while (!queue.empty()) benchmark::DoNotOptimize(&queue.pop());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(push_and_pop)->ArgName("ready")->Arg(1)->Arg(100)->Arg(10'000);

/// What call_soon does and run_once with it: make the call, queue it, run it, let go of it.
void make_and_run_calls(benchmark::State& state) {
  ReadyQueue queue;
  std::int64_t runs = 0;
  for (auto _ : state) {
    for (std::int64_t count = 0; count < state.range(0); ++count) {
      auto* call = new ScheduledCall([&runs] { ++runs; }, ScheduledCall::Sharing::one_thread);
      queue.push(*call);
      call->release();  // the handle, which the caller drops
    }
    while (!queue.empty()) queue.pop().run();
  }
  benchmark::DoNotOptimize(runs);
  state.SetItemsProcessed(runs);
}
BENCHMARK(make_and_run_calls)->ArgName("ready")->Arg(1)->Arg(100)->Arg(10'000);

}  // namespace
}  // namespace tidegate::detail
