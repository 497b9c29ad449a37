// Chunks: the owner is let go of exactly once, wherever the chunk went in the meantime.
#include <tidegate/chunk.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace tidegate {
namespace {

void count_release(void* owner) noexcept { ++*static_cast<int*>(owner); }

TEST(Chunk_W2, lets_go_once_when_it_ends) {
  int releases = 0;
  {
    const Chunk chunk("bytes", &releases, count_release);
    EXPECT_EQ(chunk.bytes(), BytesView("bytes"));
    EXPECT_EQ(releases, 0);
  }
  EXPECT_EQ(releases, 1);
}

TEST(Chunk_W2, a_moved_chunk_lets_go_once_at_its_new_place) {
  int releases = 0;
  Chunk source("bytes", &releases, count_release);
  {
    const Chunk target = std::move(source);
    EXPECT_TRUE(source.empty());  // NOLINT(bugprone-use-after-move): what a moved chunk holds is promised
    EXPECT_EQ(target.size(), 5U);
    source.reset();
    EXPECT_EQ(releases, 0);
  }
  EXPECT_EQ(releases, 1);
}

TEST(Chunk_W2, assignment_lets_go_of_what_was_there) {
  int first = 0;
  int second = 0;
  Chunk chunk("1", &first, count_release);
  chunk = Chunk("2", &second, count_release);
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 0);
  Chunk& same = chunk;
  chunk = std::move(same);
  EXPECT_EQ(chunk.bytes(), BytesView("2"));
  EXPECT_EQ(second, 0);
  chunk.reset();
  chunk.reset();
  EXPECT_EQ(second, 1);
}

TEST(Chunk_W2, an_empty_chunk_with_an_owner_lets_go_of_it_too) {
  int releases = 0;
  { const Chunk chunk(BytesView(), &releases, count_release); }
  EXPECT_EQ(releases, 1);
}

TEST(Chunk_W2, texts_and_vectors_are_taken_over_without_a_copy) {
  std::string text(1000, 'x');
  const void* memory = text.data();
  const Chunk chunk(std::move(text));
  EXPECT_EQ(chunk.bytes().data(), memory);
  EXPECT_EQ(Chunk(std::vector<char>(3, 'c')).bytes(), BytesView("ccc"));
  EXPECT_EQ(Chunk(std::vector<unsigned char>(2, 'u')).bytes(), BytesView("uu"));
  EXPECT_EQ(Chunk(std::vector<std::byte>(1, std::byte{'b'})).bytes(), BytesView("b"));
}

TEST(Chunk_W2, chunks_that_share_an_owner_keep_it_until_the_last_one_ends) {
  auto owner = std::make_shared<const std::string>("one message for many");
  const std::weak_ptr<const std::string> watch = owner;
  Chunk first(BytesView(*owner), owner);
  Chunk second(BytesView(*owner).first(3), owner);
  owner.reset();
  first.reset();
  EXPECT_FALSE(watch.expired());
  EXPECT_EQ(second.bytes(), BytesView("one"));
  second.reset();
  EXPECT_TRUE(watch.expired());
}

TEST(Chunk_W2, an_immortal_chunk_needs_nobody) {
  const char* literal = "literal";
  const Chunk chunk = Chunk::immortal(literal);
  EXPECT_EQ(static_cast<const void*>(chunk.bytes().data()), literal);
}

}  // namespace
}  // namespace tidegate
