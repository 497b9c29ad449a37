// The write buffer: copies and chunks in order, memory that comes back, and releases that call back into it.
#include "transport/write_buffer.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace tidegate::transport {
namespace {

constexpr std::size_t kBlockBytes = 256;
constexpr std::size_t kLarge = 513;

/// Everything that waits, seen through `gather` with so many entries.
std::string gathered(const WriteBuffer& buffer, std::size_t entries = 1000) {
  std::vector<iovec> vectors(entries);
  const std::size_t count = buffer.gather(vectors);
  std::string all;
  for (std::size_t index = 0; index < count; ++index) {
    EXPECT_GT(vectors[index].iov_len, 0U);
    all.append(static_cast<const char*>(vectors[index].iov_base), vectors[index].iov_len);
  }
  return all;
}

std::size_t entries_of(const WriteBuffer& buffer) {
  std::array<iovec, 1000> vectors;
  return buffer.gather(vectors);
}

/// A chunk that does something when it is let go of.
struct Released {
  std::string text;
  std::function<void()> action;
};

Chunk chunk_with(std::string text, std::function<void()> action) {
  auto* owner = new Released{std::move(text), std::move(action)};
  return {BytesView(owner->text), owner, [](void* pointer) noexcept {
            const std::unique_ptr<Released> released(static_cast<Released*>(pointer));
            released->action();
          }};
}

Chunk counted_chunk(std::string text, int& releases) {
  return chunk_with(std::move(text), [&releases] { ++releases; });
}

class WriteBufferTest : public testing::Test {
 protected:
  ~WriteBufferTest() override { EXPECT_EQ(pool_.in_use(), 0U); }

  base::BlockPool pool_{kBlockBytes, 4};
};

TEST_F(WriteBufferTest, empty_it_holds_no_memory) {
  WriteBuffer buffer(pool_);
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(entries_of(buffer), 0U);
  buffer.append(BytesView());
  buffer.append(Chunk());
  buffer.consume(0);
  EXPECT_EQ(pool_.in_use(), 0U);
  buffer.append("bytes");
  buffer.append(Chunk(std::string(kLarge, 'x')));
  EXPECT_EQ(pool_.in_use(), 2U);
  buffer.consume(buffer.size());
  EXPECT_EQ(pool_.in_use(), 0U);
}

TEST_F(WriteBufferTest, W2_the_caller_may_reuse_memory_that_was_copied) {
  WriteBuffer buffer(pool_);
  std::string memory = "first";
  buffer.append(BytesView(memory));
  memory = "other";
  EXPECT_EQ(gathered(buffer), "first");
}

TEST_F(WriteBufferTest, W6_small_copies_share_a_block) {
  WriteBuffer buffer(pool_);
  std::string expected;
  for (char letter = 'a'; letter <= 'z'; ++letter) {
    buffer.append(BytesView(&letter, 1));
    expected += letter;
  }
  EXPECT_EQ(gathered(buffer), expected);
  EXPECT_EQ(entries_of(buffer), 1U);
  EXPECT_EQ(pool_.in_use(), 1U);
}

TEST_F(WriteBufferTest, W1_copies_of_every_size_around_a_block_stay_whole) {
  for (std::size_t first = 0; first <= 2; ++first) {
    for (std::size_t size = 1; size <= 3 * kBlockBytes; ++size) {
      WriteBuffer buffer(pool_);
      std::string expected(first, '-');
      buffer.append(BytesView(expected));
      std::string text(size, 'x');
      for (std::size_t index = 0; index < size; ++index) text[index] = static_cast<char>('a' + index % 26);
      buffer.append(BytesView(text));
      expected += text;
      ASSERT_EQ(gathered(buffer), expected);
      ASSERT_EQ(buffer.size(), expected.size());
    }
  }
}

TEST_F(WriteBufferTest, W2_a_chunk_is_neither_copied_nor_let_go_of_before_its_last_byte_is_gone) {
  WriteBuffer buffer(pool_);
  int releases = 0;
  Chunk chunk = counted_chunk(std::string(kLarge, 'x'), releases);
  const void* memory = chunk.bytes().data();
  buffer.append(std::move(chunk));
  iovec vector;
  ASSERT_EQ(buffer.gather({&vector, 1}), 1U);
  EXPECT_EQ(vector.iov_base, memory);
  buffer.consume(kLarge - 1);
  EXPECT_EQ(releases, 0);
  EXPECT_EQ(gathered(buffer), "x");
  buffer.consume(1);
  EXPECT_EQ(releases, 1);
}

TEST_F(WriteBufferTest, W2_chunks_are_let_go_of_in_order) {
  WriteBuffer buffer(pool_);
  std::string order;
  for (const char letter : {'a', 'b', 'c'}) {
    buffer.append(chunk_with(std::string(kLarge, letter), [&order, letter] { order += letter; }));
  }
  buffer.consume(2 * kLarge);
  EXPECT_EQ(order, "ab");
  buffer.clear();
  EXPECT_EQ(order, "abc");
}

TEST_F(WriteBufferTest, W2_clear_and_the_end_let_go_once) {
  int releases = 0;
  {
    WriteBuffer buffer(pool_);
    buffer.append(counted_chunk(std::string(kLarge, 'x'), releases));
    buffer.append(counted_chunk(std::string(kLarge, 'y'), releases));
    buffer.consume(10);
    buffer.clear();
    EXPECT_EQ(releases, 2);
    EXPECT_TRUE(buffer.empty());
    buffer.clear();
    buffer.append(counted_chunk(std::string(kLarge, 'z'), releases));
  }
  EXPECT_EQ(releases, 3);
}

TEST_F(WriteBufferTest, an_empty_chunk_is_let_go_of_at_once) {
  WriteBuffer buffer(pool_);
  int releases = 0;
  buffer.append("before");
  buffer.append(counted_chunk("", releases));
  EXPECT_EQ(releases, 1);
  EXPECT_EQ(entries_of(buffer), 1U);
  buffer.consume(6);
  EXPECT_TRUE(buffer.empty());  // nothing is left that could never be sent (hazard: an empty last chunk)
}

TEST_F(WriteBufferTest, W2_a_small_chunk_behind_copied_bytes_is_not_copied_either) {
  WriteBuffer buffer(pool_);
  int releases = 0;
  buffer.append("a");
  buffer.append(counted_chunk("bc", releases));
  EXPECT_EQ(releases, 0);
  EXPECT_EQ(entries_of(buffer), 2U);
  EXPECT_EQ(gathered(buffer), "abc");
  buffer.consume(3);
  EXPECT_EQ(releases, 1);
}

TEST_F(WriteBufferTest, a_small_chunk_without_a_block_before_it_stays_a_chunk) {
  WriteBuffer buffer(pool_);
  int releases = 0;
  buffer.append(counted_chunk("a", releases));
  buffer.append(counted_chunk("b", releases));
  EXPECT_EQ(releases, 0);
  EXPECT_EQ(gathered(buffer), "ab");
  buffer.consume(1);
  EXPECT_EQ(releases, 1);
}

TEST_F(WriteBufferTest, gather_fills_no_more_than_it_is_given) {
  WriteBuffer buffer(pool_);
  for (int count = 0; count < 5; ++count) buffer.append(Chunk(std::string(kLarge, 'x')));
  for (std::size_t entries = 0; entries <= 7; ++entries) {
    EXPECT_EQ(gathered(buffer, entries).size(), std::min<std::size_t>(entries, 5) * kLarge);
  }
}

TEST_F(WriteBufferTest, what_was_gathered_stays_in_place_through_appends_and_moves) {
  WriteBuffer buffer(pool_);
  buffer.append("copied");
  buffer.append(Chunk(std::string(kLarge, 'x')));
  std::array<iovec, 2> vectors;
  ASSERT_EQ(buffer.gather(vectors), 2U);
  buffer.append(BytesView(std::string(3 * kBlockBytes, 'y')));
  const WriteBuffer moved(std::move(buffer));
  EXPECT_TRUE(buffer.empty());  // NOLINT(bugprone-use-after-move): a moved buffer is promised to be empty
  EXPECT_EQ(BytesView(vectors[0].iov_base, vectors[0].iov_len), BytesView("copied"));
  EXPECT_EQ(BytesView(vectors[1].iov_base, vectors[1].iov_len), BytesView(std::string(kLarge, 'x')));
  EXPECT_EQ(moved.size(), 6 + kLarge + 3 * kBlockBytes);
  buffer.append("usable");
  EXPECT_EQ(gathered(buffer), "usable");
}

TEST_F(WriteBufferTest, consuming_any_number_of_bytes_leaves_the_rest) {
  const std::string whole =
      std::string(10, 'a') + std::string(kLarge, 'b') + std::string(2 * kBlockBytes, 'c');
  for (std::size_t consumed = 0; consumed <= whole.size(); ++consumed) {
    WriteBuffer buffer(pool_);
    buffer.append(BytesView(whole).first(10));
    buffer.append(Chunk(std::string(kLarge, 'b')));
    buffer.append(BytesView(whole).drop(10 + kLarge));
    buffer.consume(consumed);
    ASSERT_EQ(buffer.size(), whole.size() - consumed);
    ASSERT_EQ(gathered(buffer), whole.substr(consumed));
    ASSERT_EQ(buffer.empty(), consumed == whole.size());
  }
}

TEST_F(WriteBufferTest, a_release_finds_the_buffer_settled_and_may_append_to_it) {
  WriteBuffer buffer(pool_);
  std::string seen;
  buffer.append(chunk_with(std::string(kLarge, 'x'), [&] {
    seen = gathered(buffer);
    EXPECT_EQ(buffer.size(), 4U);
    buffer.append("added");
  }));
  buffer.append("-tail-");
  buffer.consume(kLarge + 2);
  EXPECT_EQ(seen, "ail-");
  EXPECT_EQ(gathered(buffer), "ail-added");
}

TEST_F(WriteBufferTest, a_release_may_consume_and_clear) {
  WriteBuffer buffer(pool_);
  int later = 0;
  buffer.append(chunk_with(std::string(kLarge, 'x'), [&] { buffer.consume(3); }));
  buffer.append(chunk_with(std::string(kLarge, 'y'), [&] { buffer.clear(); }));
  buffer.append("0123456789");
  buffer.append(counted_chunk(std::string(kLarge, 'z'), later));
  buffer.consume(2 * kLarge + 1);
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(later, 1);
}

TEST_F(WriteBufferTest, a_release_may_clear_in_the_middle_of_a_clear) {
  WriteBuffer buffer(pool_);
  int releases = 0;
  for (int count = 0; count < 3; ++count) {
    buffer.append(chunk_with(std::string(kLarge, 'x'), [&] {
      ++releases;
      buffer.clear();
    }));
  }
  buffer.clear();
  EXPECT_EQ(releases, 3);
}

TEST_F(WriteBufferTest, a_release_may_end_the_buffer) {
  auto buffer = std::make_optional<WriteBuffer>(pool_);
  int releases = 0;
  buffer->append(chunk_with(std::string(kLarge, 'x'), [&] { buffer.reset(); }));
  buffer->append(counted_chunk(std::string(kLarge, 'y'), releases));
  buffer->append(counted_chunk(std::string(kLarge, 'z'), releases));
  buffer->consume(2 * kLarge + 1);
  EXPECT_EQ(releases, 2);
  EXPECT_FALSE(buffer.has_value());
}

TEST_F(WriteBufferTest, a_steady_flow_takes_nothing_from_the_heap) {
  WriteBuffer buffer(pool_);
  const std::string text(kLarge, 'x');
  std::size_t free_blocks = 0;
  std::size_t free_nodes = 0;
  for (int message = 0; message < 100; ++message) {
    buffer.append("header");
    buffer.append(Chunk::immortal(BytesView(text)));
    buffer.consume(buffer.size());
    if (message == 0) {
      free_blocks = pool_.free_blocks();
      free_nodes = pool_.free_nodes();
    }
    // Whatever was taken came from the pool, and went back there.
    ASSERT_EQ(pool_.free_blocks(), free_blocks);
    ASSERT_EQ(pool_.free_nodes(), free_nodes);
  }
  EXPECT_EQ(free_blocks, 1U);
  EXPECT_EQ(free_nodes, 1U);
}

// Sanitizers keep memory for themselves, which they can't do without.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TIDEGATE_TEST_HEAP_CAN_FAIL 0
#elif defined(__has_feature)
#define TIDEGATE_TEST_HEAP_CAN_FAIL !(__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define TIDEGATE_TEST_HEAP_CAN_FAIL 1
#endif

#if TIDEGATE_TEST_HEAP_CAN_FAIL

/// Lets the heap of this process fail from now on.
void exhaust_the_heap() {
  const rlimit none{0, 0};
  if (::setrlimit(RLIMIT_AS, &none) != 0) std::_Exit(2);
  for (std::size_t size = std::size_t{1} << 20U; size >= 16; size /= 2) {
    // Taken for good: the process ends soon. Volatile, or the compiler would take none.
    while (true) {
      void* volatile taken = std::malloc(size);
      if (taken == nullptr) break;
    }
  }
}

template <typename Call>
bool throws_bad_alloc(Call call) {
  try {
    call();
    return false;
  } catch (const std::bad_alloc&) {
    return true;
  }
}

TEST(WriteBufferDeathTest, an_append_without_memory_changes_nothing) {
  const auto scenario = [] {
    base::BlockPool pool(kBlockBytes, 4);
    WriteBuffer buffer(pool);
    int releases = 0;
    const std::string large(3 * kBlockBytes, 'y');
    Chunk chunk = counted_chunk(std::string(kLarge, 'x'), releases);
    buffer.append("kept");
    pool.release(pool.acquire());  // one block is to be had, two would be needed
    std::array<iovec, 4> vectors;

    exhaust_the_heap();
    bool good = throws_bad_alloc([&] { buffer.append(BytesView(large)); });
    good = good && throws_bad_alloc([&] { buffer.append(std::move(chunk)); });
    good = good && buffer.size() == 4 && buffer.gather(vectors) == 1 && vectors[0].iov_len == 4;
    good = good && pool.free_blocks() == 1 && releases == 0;
    good = good && chunk.size() == kLarge;  // NOLINT(bugprone-use-after-move): that is the promise
    buffer.append("!");
    good = good && buffer.size() == 5;
    std::_Exit(good ? 0 : 1);
  };
  EXPECT_EXIT(scenario(), testing::ExitedWithCode(0), "");
}

#endif

}  // namespace
}  // namespace tidegate::transport
