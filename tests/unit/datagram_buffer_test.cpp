// The queue of datagrams against a plain one: sizes, order, boundaries, and what it holds of the pool.
#include "transport/datagram_buffer.hpp"

#include <array>
#include <deque>
#include <random>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace tidegate::transport {
namespace {

std::pair<std::string, std::string> front(const DatagramBuffer& buffer) {
  std::array<kernel::OutgoingDatagram, 1> out;
  if (buffer.gather(out) == 0) return {"nothing", "nowhere"};
  return {out[0].bytes.to_string(), out[0].address.to_string()};
}

TEST(DatagramBuffer, each_counts_its_size_and_eight_D3) {
  base::BlockPool pool;
  DatagramBuffer buffer(pool);
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.size(), 0U);
  buffer.append("abc", "somewhere");
  EXPECT_EQ(buffer.size(), 3U + 8U);
  buffer.append("", "");
  EXPECT_EQ(buffer.size(), 3U + 8U + 8U);
  EXPECT_EQ(buffer.count(), 2U);
  buffer.drop(1);
  EXPECT_EQ(buffer.size(), 8U);
  buffer.drop(1);
  EXPECT_EQ(buffer.size(), 0U);
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(pool.in_use(), 0U);
}

TEST(DatagramBuffer, bytes_and_address_are_copied_and_stay_in_place) {
  base::BlockPool pool;
  DatagramBuffer buffer(pool);
  std::string bytes = "hello";
  std::string address = "there";
  buffer.append(bytes, address);
  std::array<kernel::OutgoingDatagram, 2> out;
  ASSERT_EQ(buffer.gather(out), 1U);
  bytes = "xxxxx";
  address = "yyyyy";
  for (int count = 0; count < 2'000; ++count) buffer.append("more", "");
  EXPECT_EQ(out[0].bytes.text(), "hello");
  EXPECT_EQ(out[0].address.text(), "there");
}

TEST(DatagramBuffer, gather_goes_as_far_as_there_is_room_and_datagrams) {
  base::BlockPool pool(256);
  DatagramBuffer buffer(pool);
  for (int index = 0; index < 20; ++index) buffer.append(std::to_string(index) + std::string(40, '.'), "a");
  std::array<kernel::OutgoingDatagram, 32> out;
  EXPECT_EQ(buffer.gather(std::span(out).first(7)), 7U);
  EXPECT_EQ(buffer.gather(out), 20U);
  EXPECT_EQ(out[19].bytes.to_string(), "19" + std::string(40, '.'));
  EXPECT_EQ(buffer.gather(std::span(out).first(0)), 0U);
}

TEST(DatagramBuffer, one_that_is_larger_than_a_block_has_memory_of_its_own) {
  base::BlockPool pool(256);
  DatagramBuffer buffer(pool);
  const std::string large(65'507, 'l');
  buffer.append("before", "1");
  buffer.append(large, "2");
  buffer.append("after", "3");
  EXPECT_EQ(buffer.size(), 6U + large.size() + 5U + 24U);
  buffer.drop(1);
  EXPECT_EQ(front(buffer), std::pair(large, std::string("2")));
  buffer.drop(1);
  EXPECT_EQ(front(buffer), std::pair(std::string("after"), std::string("3")));
}

TEST(DatagramBuffer, every_size_around_that_of_a_block_fits) {
  base::BlockPool pool(256);
  for (std::size_t size = 150; size < 270; ++size) {
    DatagramBuffer buffer(pool);
    const std::string bytes(size, 'b');
    for (int count = 0; count < 3; ++count) buffer.append(bytes, "address");
    for (int count = 0; count < 3; ++count) {
      EXPECT_EQ(front(buffer), std::pair(bytes, std::string("address")));
      buffer.drop(1);
    }
  }
  EXPECT_EQ(pool.in_use(), 0U);
}

TEST(DatagramBuffer, clear_and_the_end_give_everything_back) {
  base::BlockPool pool(256);
  {
    DatagramBuffer buffer(pool);
    for (int count = 0; count < 50; ++count) buffer.append("something", "");
    buffer.clear();
    EXPECT_EQ(pool.in_use(), 0U);
    EXPECT_EQ(buffer.size(), 0U);
    for (int count = 0; count < 50; ++count) buffer.append("something", "");
    EXPECT_GT(pool.in_use(), 0U);
  }
  EXPECT_EQ(pool.in_use(), 0U);
}

TEST(DatagramBuffer, a_steady_flow_asks_the_heap_for_nothing) {
  base::BlockPool pool(1024);
  DatagramBuffer buffer(pool);
  buffer.append("first", "");
  for (int round = 0; round < 1'000; ++round) {
    for (int count = 0; count < 10; ++count) buffer.append(std::string(200, 'x'), "address");
    buffer.drop(10);
    EXPECT_LE(pool.in_use() + pool.free_blocks(), 5U);
  }
}

TEST(DatagramBuffer, those_of_one_size_to_one_address_lie_in_a_row) {
  base::BlockPool pool;
  DatagramBuffer buffer(pool);
  for (const char* bytes : {"one", "two", "six"}) buffer.append(bytes, "there");
  buffer.append("ten", "elsewhere");
  buffer.append("four", "elsewhere");
  std::array<kernel::OutgoingDatagram, 5> out;
  const auto follows = [&](std::size_t index) {
    return out[index].bytes.data() == out[index - 1].bytes.data() + out[index - 1].bytes.size();
  };
  ASSERT_EQ(buffer.gather(out), 5U);
  EXPECT_TRUE(follows(1) && follows(2));
  EXPECT_EQ(out[0].address.data(), out[2].address.data());
  EXPECT_FALSE(follows(3)) << "another address";
  EXPECT_FALSE(follows(4)) << "another size";
  buffer.drop(1);
  buffer.append("more", "elsewhere");
  ASSERT_EQ(buffer.gather(out), 5U);
  EXPECT_EQ(out[0].bytes.text(), "two");
  EXPECT_EQ(out[1].bytes.text(), "six");
  EXPECT_TRUE(follows(1) && follows(4));
}

TEST(DatagramBuffer, empty_ones_in_a_row_are_each_one) {
  base::BlockPool pool(256);
  DatagramBuffer buffer(pool);
  for (int count = 0; count < 100; ++count) buffer.append("", "there");
  buffer.drop(98);
  EXPECT_EQ(buffer.count(), 2U);
  EXPECT_EQ(front(buffer), std::pair(std::string(), std::string("there")));
  EXPECT_EQ(pool.in_use(), 1U);
}

TEST(DatagramBuffer, does_what_a_plain_queue_does) {
  base::BlockPool pool(512);
  for (unsigned seed = 0; seed < 50; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    DatagramBuffer buffer(pool);
    std::deque<std::pair<std::string, std::string>> model;
    std::size_t model_bytes = 0;
    std::size_t size = 0;
    std::string address;
    for (int step = 0; step < 400; ++step) {
      if (random() % 5 < 3) {
        // Often of the size of the one before, and to the same address: then they are kept as one run.
        if (random() % 3 == 0) size = random() % 10 == 0 ? random() % 2'000 : random() % 60;
        if (random() % 3 == 0) address.assign(random() % 3 * 8, static_cast<char>('A' + random() % 3));
        const std::string bytes(size, static_cast<char>('a' + random() % 26));
        buffer.append(bytes, address);
        model.emplace_back(bytes, address);
        model_bytes += size + 8;
      } else {
        const std::size_t count = random() % (model.size() + 1);
        buffer.drop(count);
        for (std::size_t dropped = 0; dropped < count; ++dropped) {
          model_bytes -= model.front().first.size() + 8;
          model.pop_front();
        }
      }
      ASSERT_EQ(buffer.count(), model.size());
      ASSERT_EQ(buffer.size(), model_bytes);
      std::array<kernel::OutgoingDatagram, 8> out;
      const std::size_t gathered = buffer.gather(out);
      ASSERT_EQ(gathered, std::min(out.size(), model.size()));
      for (std::size_t index = 0; index < gathered; ++index) {
        ASSERT_EQ(out[index].bytes.to_string(), model[index].first);
        ASSERT_EQ(out[index].address.to_string(), model[index].second);
      }
    }
  }
  EXPECT_EQ(pool.in_use(), 0U);
}

}  // namespace
}  // namespace tidegate::transport
