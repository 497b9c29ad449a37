// The write buffer: what it costs to keep bytes until the kernel takes them.
#include "transport/write_buffer.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include <benchmark/benchmark.h>

namespace tidegate::transport {
namespace {

constexpr std::size_t kGatheredPieces = 64;  // as many as the transport hands to the kernel at once
constexpr std::int64_t kPieces = 16;

std::size_t size_of(const benchmark::State& state) { return static_cast<std::size_t>(state.range(0)); }

/// Sixteen small writes, then all of it taken: a protocol that answers a full pipeline.
void append_small_pieces(benchmark::State& state) {
  base::BlockPool pool;
  WriteBuffer buffer(pool);
  const std::string piece(size_of(state), 'x');
  for (auto _ : state) {
    for (std::int64_t count = 0; count < kPieces; ++count) buffer.append(BytesView(piece));
    benchmark::DoNotOptimize(buffer.size());
    buffer.clear();
  }
  state.SetItemsProcessed(state.iterations() * kPieces);
}
BENCHMARK(append_small_pieces)->ArgName("bytes")->Arg(16)->Arg(64)->Arg(512);

/// One write that is copied, over the sizes at which it begins to take several blocks.
void append_and_consume_one_piece(benchmark::State& state) {
  base::BlockPool pool;
  WriteBuffer buffer(pool);
  const std::string piece(size_of(state), 'x');
  for (auto _ : state) {
    buffer.append(BytesView(piece));
    buffer.consume(piece.size());
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(append_and_consume_one_piece)->ArgName("bytes")->Arg(64)->Arg(1024)->Arg(16384)->Arg(131072);

/// A chunk is kept and not copied: its size makes no difference.
void append_and_consume_chunk(benchmark::State& state) {
  base::BlockPool pool;
  WriteBuffer buffer(pool);
  const std::string memory(size_of(state), 'x');
  for (auto _ : state) {
    buffer.append(Chunk(BytesView(memory), nullptr, nullptr));
    buffer.consume(memory.size());
  }
}
BENCHMARK(append_and_consume_chunk)->ArgName("bytes")->Arg(4096)->Arg(131072);

/// Pointing the kernel at what waits, over the number of segments that it lies in.
void gather(benchmark::State& state) {
  base::BlockPool pool;
  WriteBuffer buffer(pool);
  const std::string memory(4096, 'x');
  for (std::int64_t count = 0; count < state.range(0); ++count) {
    buffer.append(Chunk(BytesView(memory), nullptr, nullptr));
  }
  std::array<iovec, kGatheredPieces> pieces;
  for (auto _ : state) {
    benchmark::DoNotOptimize(buffer.gather(pieces));
    benchmark::ClobberMemory();
  }
}
BENCHMARK(gather)->ArgName("segments")->Arg(1)->Arg(8)->Arg(64);

/// A kernel that takes little at a time: the rest stays where it is.
void consume_in_small_steps(benchmark::State& state) {
  base::BlockPool pool;
  WriteBuffer buffer(pool);
  const std::string piece(std::size_t{64} * 1024, 'x');
  const std::size_t step = size_of(state);
  std::int64_t steps = 0;
  for (auto _ : state) {
    if (buffer.size() < step) buffer.append(BytesView(piece));
    buffer.consume(step);
    ++steps;
  }
  state.SetItemsProcessed(steps);
}
BENCHMARK(consume_in_small_steps)->ArgName("bytes")->Arg(1448)->Arg(16384);

}  // namespace
}  // namespace tidegate::transport
