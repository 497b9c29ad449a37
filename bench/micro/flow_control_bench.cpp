// Flow control: what every write and every send asks it.
#include "transport/flow_control.hpp"

#include <cstddef>

#include <benchmark/benchmark.h>

namespace tidegate::transport {
namespace {

constexpr std::size_t kHigh = FlowControl::kDefaultHighBytes;

/// The usual case: the buffer is far below its marks before and after.
void sizes_below_the_marks(benchmark::State& state) {
  FlowControl flow;
  std::size_t size = 1024;
  for (auto _ : state) {
    benchmark::DoNotOptimize(size);
    benchmark::DoNotOptimize(flow.pause_if_over(size));
    benchmark::DoNotOptimize(flow.resume_if_drained(size));
  }
}
BENCHMARK(sizes_below_the_marks);

/// Over the high mark and down to the low one, each time around.
void sizes_across_both_marks(benchmark::State& state) {
  FlowControl flow;
  std::size_t full = kHigh + 1;
  std::size_t drained = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(full);
    benchmark::DoNotOptimize(drained);
    benchmark::DoNotOptimize(flow.pause_if_over(full));
    benchmark::DoNotOptimize(flow.resume_if_drained(drained));
  }
}
BENCHMARK(sizes_across_both_marks);

}  // namespace
}  // namespace tidegate::transport
