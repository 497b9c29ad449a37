// Whose the memory is that is written from, and for how long: W2.
#include "contract/contract_test.hpp"
#include "contract/counted_chunk.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace tidegate::contract {
namespace {

class WrittenMemory : public ContractTest {};

TEST_P(WrittenMemory, W2_the_callers_memory_is_free_when_write_has_returned) {
  connect_raw();
  std::size_t total = 0;
  std::string memory;
  const auto write_and_overwrite = [&](std::size_t size) {
    memory = pattern(size, total);
    here().write(memory);
    std::fill(memory.begin(), memory.end(), '!');
    total += size;
    memory = pattern(size, total);
    const BytesView pieces[] = {BytesView(memory).first(size / 2), BytesView(memory).drop(size / 2)};
    here().writelines(pieces);
    std::fill(memory.begin(), memory.end(), '!');
    total += size;
  };
  for (const std::size_t size : {1UL, 100UL, 5000UL, 70'000UL, 1'000'000UL}) {
    write_and_overwrite(size);
    rig().in_loop([&, size] { write_and_overwrite(size), write_and_overwrite(size); });
  }
  rig().run_until([&] { return peer().has(total); });
  EXPECT_EQ(peer().received.size(), total);
  EXPECT_TRUE(is_pattern(peer().received));
}

TEST_P(WrittenMemory, W2_chunks_of_every_size_are_released_once_when_the_kernel_took_them) {
  connect_raw();
  std::vector<std::unique_ptr<CountedChunk>> chunks;
  std::size_t total = 0;
  const auto write_chunks = [&] {
    for (const std::size_t size : {1UL, 3UL, 511UL, 512UL, 513UL, 4096UL, 100'000UL}) {
      chunks.push_back(std::make_unique<CountedChunk>(pattern(size, total)));
      here().write(chunks.back()->chunk());
      total += size;
    }
  };
  write_chunks();
  rig().in_loop(write_chunks);
  rig().in_loop([&] {
    std::vector<Chunk> list;
    for (const std::size_t size : {1UL, 300UL, 70'000UL, 2UL}) {
      chunks.push_back(std::make_unique<CountedChunk>(pattern(size, total)));
      list.push_back(chunks.back()->chunk());
      total += size;
    }
    here().writelines(std::move(list));
  });
  rig().run_until([&] { return peer().has(total) && here().buffered() == 0; });
  EXPECT_TRUE(is_pattern(peer().received));
  for (const auto& chunk : chunks) EXPECT_EQ(chunk->released, 1) << chunk->bytes.size();
}

TEST_P(WrittenMemory, W2_a_chunk_is_kept_until_the_kernel_took_it) {
  connect_raw();
  const std::size_t filled = fill_kernel();
  CountedChunk chunk(pattern(5000, filled));
  here().write(chunk.chunk());
  rig().run_until_quiet();
  EXPECT_EQ(chunk.released, 0);
  rig().run_until([&] { return peer().has(filled + 5000) && here().buffered() == 0; });
  EXPECT_EQ(chunk.released, 1);
}

TEST_P(WrittenMemory, W2_a_chunk_is_not_copied) {
  for (const std::size_t size : {100UL, 5000UL, 100'000UL}) {
    SCOPED_TRACE(size);
    connect_raw();
    const std::size_t filled = fill_kernel();
    // Behind bytes that are copied, where copying would be cheapest.
    here().write("copied");
    CountedChunk chunk(std::string(size, 'a'));
    here().write(chunk.chunk());
    EXPECT_EQ(chunk.released, 0);
    // The kernel can't have taken it, and nobody has read it: what is in it now is what has to arrive.
    std::fill(chunk.bytes.begin(), chunk.bytes.end(), 'b');
    rig().run_until([&] { return peer().has(filled + 6 + size); });
    EXPECT_EQ(peer().received.substr(filled + 6), std::string(size, 'b'));
  }
}

TEST_P(WrittenMemory, W2_chunks_are_released_once_whatever_ends_the_connection) {
  const std::pair<const char*, std::function<void()>> ways[] = {
      {"abort", [&] { here().abort(); }},
      {"close and abort", [&] { here().close(), here().abort(); }},
      {"flushed by close", [&] { here().close(), rig().run_until([&] { return peer().at_end(); }); }},
      {"reset by the peer", [&] { peer().reset(); }},
      {"error in a callback",
       [&] {
         here().on.some_received = [] { std::rethrow_exception(failure("fatal")); };
         peer().send("x");
       }},
      {"references dropped, then reset", [&] { here().drop(), peer().reset(); }},
  };
  for (const auto& [name, end_it] : ways) {
    SCOPED_TRACE(name);
    connect_raw();
    fill_kernel();
    CountedChunk small(std::string(10, 's'));
    CountedChunk large(std::string(100'000, 'l'));
    here().write(small.chunk());
    here().write(large.chunk());
    here().write("and a copy");
    end_it();
    run_until_lost();
    rig().run_rounds(1);
    EXPECT_EQ(small.released, 1);
    EXPECT_EQ(large.released, 1);
    static_cast<void>(rig().take_reports());
  }
}

TEST_P(WrittenMemory, W2_chunks_are_released_once_when_the_loop_is_closed) {
  connect_raw();
  fill_kernel();
  CountedChunk waiting(std::string(100'000, 'w'));
  CountedChunk closing(std::string(100'000, 'c'));
  here().write(waiting.chunk());
  connect_raw();
  fill_kernel();
  here().write(closing.chunk());
  here().close();
  rig().close_loop();
  static_cast<void>(rig().take_reports());
  EXPECT_EQ(waiting.released, 1);
  EXPECT_EQ(closing.released, 1);
}

TEST_P(WrittenMemory, W2_a_chunk_that_is_not_accepted_is_released_at_once) {
  connect_raw();
  CountedChunk empty("");
  here().write(empty.chunk());
  EXPECT_EQ(empty.released, 1);

  if (here().transport().can_write_eof()) {
    here().write_eof();
    CountedChunk refused("refused");
    EXPECT_THROW(here().write(refused.chunk()), InvalidStateError);
    EXPECT_EQ(refused.released, 1);
  }

  connect_raw();
  here().abort();
  CountedChunk ignored("ignored");
  here().write(ignored.chunk());
  EXPECT_EQ(ignored.released, 1);
  CountedChunk ignored_list("ignored");
  std::vector<Chunk> list;
  list.push_back(ignored_list.chunk());
  here().writelines(std::move(list));
  EXPECT_EQ(ignored_list.released, 1);
  run_until_lost();
}

TEST_P(WrittenMemory, W2_what_releases_a_chunk_may_use_the_transport) {
  const std::pair<const char*, std::function<void()>> actions[] = {
      {"write", [&] { here().write("more"); }},
      {"write a chunk", [&] { here().write(Chunk(std::string(100'000, 'x'))); }},
      {"close", [&] { here().close(); }},
      {"abort", [&] { here().abort(); }},
      {"drop", [&] { here().drop(); }},
  };
  for (const auto& [name, act] : actions) {
    SCOPED_TRACE(name);
    for (const bool full : {false, true}) {
      connect_raw();
      if (full) fill_kernel();
      CountedChunk first(std::string(5000, '1'));
      CountedChunk second(std::string(5000, '2'));
      first.on_release = [&, act = act] { act(); };
      rig().in_loop([&] {
        here().write(first.chunk());
        here().write(second.chunk());
      });
      rig().run_until([&] {
        if (peer().is_open()) peer().receive();
        return first.released == 1 && second.released == 1;
      });
      rig().run_until_quiet();
    }
  }
}

/// The chunk may be under way when a write over the mark asks what has become of it.
TEST_P(WrittenMemory, W1_what_a_release_inside_of_a_write_writes_goes_behind_that) {
  const std::string view(100, 'v');
  for (int turns = 0; turns < 4; ++turns) {
    SCOPED_TRACE(turns);
    connect_raw();
    here().set_limits({.high = 8});
    CountedChunk chunk("chunk");
    bool has_begun = false;
    bool begins_before_release = false;
    chunk.on_release = [&] {
      begins_before_release = has_begun;
      here().write("later");
    };
    const std::function<void(int)> write_after = [&](int left) {
      if (left > 0) return static_cast<void>(loop().call_soon([&, left] { write_after(left - 1); }));
      has_begun = true;
      here().write(view);
    };
    rig().in_loop([&] {
      here().write(chunk.chunk());
      write_after(turns);
    });
    rig().run_until([&] { return peer().has(110); });
    EXPECT_EQ(peer().received, "chunk" + (begins_before_release ? view + "later" : "later" + view));
  }
}

TEST_P(WrittenMemory, W2_what_releases_a_chunk_on_abort_may_use_the_transport) {
  connect_raw();
  fill_kernel();
  CountedChunk chunk(std::string(5000, '1'));
  CountedChunk another(std::string(5000, '2'));
  chunk.on_release = [&] {
    here().write(another.chunk());
    here().abort();
    here().close();
  };
  here().write(chunk.chunk());
  here().abort();
  run_until_lost();
  EXPECT_EQ(chunk.released, 1);
  EXPECT_EQ(another.released, 1);
}

/// What is behind the chunk in the same system call is more than the kernel takes.
TEST_P(WrittenMemory, W2_what_releases_a_chunk_while_the_kernel_fills_up_may_end_the_connection) {
  constexpr std::size_t kMoreThanTheKernelTakesBytes = std::size_t{16} * 1024 * 1024;
  for (const bool chunk_behind : {false, true}) {
    for (const bool aborts : {false, true}) {
      for (const bool inside_loop : {false, true}) {
        SCOPED_TRACE(std::string(chunk_behind ? "chunk" : "view") + (aborts ? ", abort" : ", close") +
                     (inside_loop ? ", inside the loop" : ""));
        connect_raw();
        CountedChunk chunk(std::string(1000, '1'));
        chunk.on_release = [&, aborts] { aborts ? here().abort() : here().close(); };
        const std::string huge(kMoreThanTheKernelTakesBytes, '2');
        const auto write_both = [&] {
          std::vector<Chunk> list;
          list.push_back(chunk.chunk());
          if (chunk_behind) {
            list.emplace_back(std::string(huge));
            here().writelines(std::move(list));
          } else {
            here().set_limits({.high = 10'000});
            here().writelines(std::move(list));
            here().write(huge);
          }
        };
        inside_loop ? rig().in_loop(write_both) : write_both();
        if (!aborts) rig().run_until([&] { return peer().at_end(); });
        run_until_lost();
        EXPECT_EQ(chunk.released, 1);
        if (aborts) continue;
        // What was written before close() is flushed (L4), whole (W1).
        const bool closed_before_huge = !chunk_behind && !inside_loop;
        EXPECT_EQ(peer().received.size(), 1000 + (closed_before_huge ? 0 : huge.size()));
      }
    }
  }
}

TEST_P(WrittenMemory, W2_W1_what_is_written_while_a_chunk_is_released_comes_after_what_released_it) {
  constexpr std::size_t kMoreThanTheKernelTakesBytes = std::size_t{16} * 1024 * 1024;
  for (const bool chunk_behind : {false, true}) {
    SCOPED_TRACE(chunk_behind);
    connect_raw();
    CountedChunk chunk(pattern(1000));
    chunk.on_release = [&] { here().write("nested"); };
    rig().in_loop([&] {
      here().write(chunk.chunk());
      if (chunk_behind) {
        here().write(Chunk(pattern(kMoreThanTheKernelTakesBytes, 1000)));
      } else {
        here().write(pattern(kMoreThanTheKernelTakesBytes, 1000));
      }
    });
    const std::size_t before_nested = 1000 + kMoreThanTheKernelTakesBytes;
    rig().run_until([&] { return peer().has(before_nested + 6); });
    EXPECT_TRUE(is_pattern(BytesView(peer().received).first(before_nested)));
    EXPECT_EQ(peer().received.substr(before_nested), "nested");
    EXPECT_EQ(chunk.released, 1);
  }
}

INSTANTIATE_TEST_SUITE_P(Streams, WrittenMemory, ::testing::ValuesIn(each_carrier()), name_of);

}  // namespace
}  // namespace tidegate::contract
