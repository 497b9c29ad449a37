// Views of bytes: what they are made from and how they are cut.
#include <tidegate/bytes.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>

namespace tidegate {
namespace {

using namespace std::string_view_literals;

std::string copy_of(BytesView bytes) { return bytes.to_string(); }

// W1: an item is a byte; wider ones would be cut short.
static_assert(!std::is_constructible_v<BytesView, std::vector<int>>);
static_assert(!std::is_constructible_v<BytesView, std::u16string>);
static_assert(!std::is_constructible_v<BytesView, std::array<bool, 4>>);
static_assert(!std::is_constructible_v<MutableBytesView, const std::string&>);
static_assert(!std::is_convertible_v<BytesView, MutableBytesView>);

// What people have at hand is passed as it is, without naming the view.
static_assert(std::is_convertible_v<const std::string&, BytesView>);
static_assert(std::is_convertible_v<std::string_view, BytesView>);
static_assert(std::is_convertible_v<const char*, BytesView>);
static_assert(std::is_convertible_v<const std::vector<char>&, BytesView>);
static_assert(std::is_convertible_v<MutableBytesView, BytesView>);

TEST(Bytes, a_view_is_made_from_anything_contiguous_with_items_of_one_byte) {
  EXPECT_EQ(copy_of("text"), "text");
  EXPECT_EQ(copy_of("text"sv), "text");
  EXPECT_EQ(copy_of(std::string("text")), "text");
  EXPECT_EQ(copy_of(std::vector<char>{'t', 'e'}), "te");
  EXPECT_EQ(copy_of(std::vector<std::byte>{std::byte{'t'}}), "t");
  EXPECT_EQ(copy_of(std::array<unsigned char, 2>{'o', 'k'}), "ok");
  const unsigned char octets[] = {1, 2, 3};
  EXPECT_EQ(copy_of(std::span<const unsigned char>(octets)), "\x01\x02\x03");
  EXPECT_EQ(copy_of({octets, 2}), "\x01\x02");
}

TEST(Bytes, a_view_keeps_nuls_of_texts_that_know_their_size) {
  EXPECT_EQ(BytesView("a\0b"sv).size(), 3U);
  EXPECT_EQ(BytesView(std::string("a\0b", 3)).size(), 3U);
}

TEST(Bytes, a_default_view_is_empty) {
  const BytesView empty;
  EXPECT_TRUE(empty.empty());
  EXPECT_EQ(empty.size(), 0U);
  EXPECT_EQ(empty.text(), "");
  EXPECT_EQ(empty, BytesView(""));
}

TEST(Bytes, first_and_drop_split_without_loss_at_every_place) {
  const std::string whole = "abcde";
  for (std::size_t count = 0; count <= whole.size() + 2; ++count) {
    const BytesView view = whole;
    EXPECT_EQ(view.first(count).to_string() + view.drop(count).to_string(), whole) << count;
    EXPECT_EQ(view.first(count).size(), std::min(count, whole.size()));
    MutableBytesView writable(const_cast<char*>(whole.data()), whole.size());
    EXPECT_EQ(writable.first(count).size(), view.first(count).size());
    EXPECT_EQ(writable.drop(count).size(), view.drop(count).size());
  }
}

TEST(Bytes, views_with_the_same_bytes_are_equal) {
  EXPECT_EQ(BytesView("abc"), BytesView(std::string("abc")));
  EXPECT_NE(BytesView("abc"), BytesView("abd"));
  EXPECT_NE(BytesView("abc"), BytesView("ab"));
}

TEST(Bytes, a_writable_view_writes_through_and_reads_as_a_view) {
  std::array<char, 4> memory{};
  MutableBytesView writable(memory);
  writable.data()[1] = std::byte{'x'};
  const BytesView readable = writable;
  EXPECT_EQ(memory[1], 'x');
  EXPECT_EQ(readable.size(), 4U);
  EXPECT_EQ(readable[1], std::byte{'x'});
  EXPECT_EQ(writable.end() - writable.begin(), 4);
}

}  // namespace
}  // namespace tidegate
