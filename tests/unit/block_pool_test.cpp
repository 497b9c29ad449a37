// The pool behind write buffers: reuse, its bound, and poisoned free memory.
#include "base/block_pool.hpp"

#include <cstring>
#include <vector>

#include <gtest/gtest.h>

#if defined(__SANITIZE_ADDRESS__)
#define TIDEGATE_TEST_POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TIDEGATE_TEST_POISONS 1
#endif
#endif

#ifdef TIDEGATE_TEST_POISONS
#include <sanitizer/asan_interface.h>
#endif

namespace tidegate::base {
namespace {

TEST(BlockPool, a_block_that_came_back_is_handed_out_next) {
  BlockPool pool(4096, 2);
  EXPECT_EQ(pool.block_bytes(), 4096U);
  void* first = pool.acquire();
  std::memset(first, 1, 4096);
  EXPECT_EQ(pool.in_use(), 1U);
  pool.release(first);
  EXPECT_EQ(pool.in_use(), 0U);
  EXPECT_EQ(pool.free_blocks(), 1U);
  void* second = pool.acquire();
  EXPECT_EQ(second, first);
  std::memset(second, 2, 4096);
  pool.release(second);
}

TEST(BlockPool, keeps_no_more_than_its_bound) {
  BlockPool pool(64, 3);
  std::vector<void*> blocks;
  for (int count = 0; count < 10; ++count) blocks.push_back(pool.acquire());
  EXPECT_EQ(pool.in_use(), 10U);
  for (void* block : blocks) pool.release(block);
  EXPECT_EQ(pool.free_blocks(), 3U);
  pool.trim();
  EXPECT_EQ(pool.free_blocks(), 0U);
}

TEST(BlockPool, a_bound_of_zero_keeps_nothing) {
  BlockPool pool(64, 0);
  pool.release(pool.acquire());
  EXPECT_EQ(pool.free_blocks(), 0U);
}

TEST(BlockPool, nodes_are_kept_apart_from_blocks) {
  BlockPool pool(4096, 1);
  void* node = pool.acquire_node();
  std::memset(node, 1, BlockPool::kNodeBytes);
  pool.release_node(node);
  EXPECT_EQ(pool.free_nodes(), 1U);
  EXPECT_EQ(pool.free_blocks(), 0U);
  EXPECT_EQ(pool.acquire_node(), node);
  pool.release_node(node);
}

TEST(BlockPool, no_block_at_all_may_be_released) {
  BlockPool pool;
  pool.release(nullptr);
  pool.release_node(nullptr);
  EXPECT_EQ(pool.in_use(), 0U);
}

TEST(BlockPool, free_memory_can_not_be_used_unnoticed) {
#ifdef TIDEGATE_TEST_POISONS
  BlockPool pool(4096, 1);
  auto* block = static_cast<char*>(pool.acquire());
  EXPECT_EQ(__asan_region_is_poisoned(block, 4096), nullptr);
  pool.release(block);
  EXPECT_TRUE(__asan_address_is_poisoned(block + sizeof(void*)));
  EXPECT_TRUE(__asan_address_is_poisoned(block + 4095));
  EXPECT_EQ(pool.acquire(), block);
  EXPECT_EQ(__asan_region_is_poisoned(block, 4096), nullptr);
  pool.release(block);
#else
  GTEST_SKIP() << "needs AddressSanitizer";
#endif
}

}  // namespace
}  // namespace tidegate::base
