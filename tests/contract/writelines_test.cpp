// Many pieces at once: W4.
#include "contract/contract_test.hpp"
#include "support/tcp_segments.hpp"

#include <random>
#include <string>
#include <vector>

namespace tidegate::contract {
namespace {

class Writelines : public ContractTest {
 protected:
  /// `count` pieces of many sizes, some of them empty, that make up the pattern from `offset` on.
  static std::vector<std::string> pieces(int count, std::size_t largest_bytes, std::size_t offset) {
    std::mt19937 random(20240229);
    std::vector<std::string> made;
    for (int index = 0; index < count; ++index) {
      const std::size_t size = random() % 8 == 0 ? 0 : random() % largest_bytes;
      made.push_back(pattern(size, offset));
      offset += size;
    }
    return made;
  }
  static std::vector<BytesView> views_of(const std::vector<std::string>& texts) {
    return {texts.begin(), texts.end()};
  }
  static std::vector<Chunk> chunks_of(std::vector<std::string> texts) {
    std::vector<Chunk> chunks;
    for (std::string& text : texts) chunks.emplace_back(std::move(text));
    return chunks;
  }
  static std::size_t size_of(const std::vector<std::string>& texts) {
    std::size_t size = 0;
    for (const std::string& text : texts) size += text.size();
    return size;
  }
  void expect_pattern_sent(std::size_t size_bytes) {
    rig().run_until([&, size_bytes] { return peer().has(size_bytes); }, "the peer's bytes");
    rig().run_until_quiet();
    peer().receive();
    EXPECT_EQ(peer().received.size(), size_bytes);
    EXPECT_TRUE(is_pattern(peer().received));
  }
};

TEST_P(Writelines, W4_sends_the_same_bytes_as_one_write_of_the_concatenation) {
  for (const int count : {1, 2, 63, 64, 65, 128, 129, 1000}) {
    SCOPED_TRACE(count);
    connect_raw();
    const auto first = pieces(count, 50, 0);
    const auto second = pieces(count, 50, size_of(first));
    const auto third = pieces(count, 50, size_of(first) + size_of(second));
    here().writelines(views_of(first));
    rig().in_loop([&] {
      here().writelines(views_of(second));
      here().writelines(chunks_of(third));
    });
    expect_pattern_sent(size_of(first) + size_of(second) + size_of(third));
  }
}

TEST_P(Writelines, W4_thousands_of_pieces_that_the_kernel_takes_bit_by_bit) {
  connect_raw();
  const std::size_t filled = fill_kernel();
  const auto views = pieces(10'000, 300, filled);
  const auto chunks = pieces(10'000, 300, filled + size_of(views));
  here().writelines(views_of(views));
  here().writelines(chunks_of(chunks));
  EXPECT_GE(here().buffered(), size_of(views) + size_of(chunks));
  expect_pattern_sent(filled + size_of(views) + size_of(chunks));
  EXPECT_EQ(here().buffered(), 0U);
}

TEST_P(Writelines, W4_thousands_of_pieces_on_an_idle_connection) {
  for (const bool inside_loop : {false, true}) {
    connect_raw();
    const auto views = pieces(5000, 1000, 0);
    inside_loop ? rig().in_loop([&] { here().writelines(views_of(views)); })
                : here().writelines(views_of(views));
    expect_pattern_sent(size_of(views));
  }
}

TEST_P(Writelines, W4_a_list_of_which_the_kernel_takes_a_part_arrives_whole) {
  constexpr std::size_t kPieces = 16;
  constexpr std::size_t kPieceBytes = std::size_t{1024} * 1024;
  std::vector<std::string> list;
  for (std::size_t index = 0; index < kPieces; ++index)
    list.push_back(pattern(kPieceBytes, index * kPieceBytes));
  for (const bool inside_loop : {false, true}) {
    connect_raw();
    inside_loop ? rig().in_loop([&] { here().writelines(views_of(list)); })
                : here().writelines(views_of(list));
    EXPECT_GT(here().buffered(), kPieceBytes) << "too little for the kernel to leave whole pieces";
    expect_pattern_sent(kPieces * kPieceBytes);
  }
}

TEST_P(Writelines, W4_F1_pauses_inside_the_call_as_one_write_would) {
  connect_raw();
  fill_kernel();
  const std::size_t high = here().buffered() + 1000;
  here().set_limits({.high = high});
  const std::vector<std::string> exactly(10, std::string(100, 'x'));
  here().writelines(views_of(exactly));
  EXPECT_EQ(here().buffered(), high);
  EXPECT_EQ(here().pause_count, 0);
  here().writelines(views_of({"", "x", ""}));
  EXPECT_EQ(here().pause_count, 1);
  rig().run_until([&] {
    peer().receive();
    return here().resume_count == 1;
  });
}

TEST_P(Writelines, W4_F1_chunks_pause_inside_the_call_too) {
  connect_raw();
  fill_kernel();
  const std::size_t high = here().buffered() + 1000;
  here().set_limits({.high = high});
  here().writelines(chunks_of(std::vector<std::string>(10, std::string(100, 'x'))));
  EXPECT_EQ(here().pause_count, 0);
  here().writelines(chunks_of({"x"}));
  EXPECT_EQ(here().pause_count, 1);
}

TEST_P(Writelines, W4_F1_pauses_once_however_many_pieces_are_over_the_mark) {
  connect_raw();
  fill_kernel();
  here().set_limits({.high = here().buffered()});
  here().writelines(views_of(std::vector<std::string>(100, std::string(100, 'x'))));
  here().writelines(chunks_of(std::vector<std::string>(100, std::string(100, 'x'))));
  EXPECT_EQ(here().pause_count, 1);
}

TEST_P(Writelines, W4_F1_more_than_the_high_mark_does_not_pause_where_the_kernel_takes_it) {
  connect_raw();
  here().set_limits({.high = 100});
  const std::vector<std::string> texts(20, std::string(100, 'x'));
  here().writelines(views_of(texts));
  here().writelines(chunks_of(texts));
  rig().in_loop([&] {
    here().writelines(views_of(texts));
    here().writelines(chunks_of(texts));
  });
  EXPECT_EQ(here().pause_count, 0);
  rig().run_until([&] { return peer().has(8000); });
}

TEST_P(Writelines, W4_an_empty_last_piece_does_not_keep_close_from_ending) {
  for (const bool full : {false, true}) {
    connect_raw();
    const std::size_t filled = full ? fill_kernel() : 0;
    const BytesView views[] = {"last", ""};
    here().writelines(views);
    here().writelines(chunks_of({"words", ""}));
    here().close();
    rig().run_until([&] { return peer().at_end(); });
    EXPECT_EQ(peer().received.substr(filled), "lastwords");
    run_until_lost();
  }
}

TEST_P(Writelines, W4_leaves_in_one_gathered_system_call_where_possible) {
  if (!rig().ground().is_tcp()) GTEST_SKIP() << "only TCP counts its segments";
  const auto segments_sent = [&] {
    return testing::tcp_data_segments_sent(here().transport().socket().descriptor());
  };
  for (const bool inside_loop : {false, true}) {
    connect_raw();
    const auto texts = pieces(40, 200, 0);
    const unsigned before = segments_sent();
    inside_loop ? rig().in_loop([&] { here().writelines(views_of(texts)); })
                : here().writelines(views_of(texts));
    expect_pattern_sent(size_of(texts));
    EXPECT_EQ(segments_sent() - before, 1U);
  }
}

TEST_P(Writelines, W4_W5_after_write_eof_it_is_an_error) {
  if (rig().ground().is_tls()) GTEST_SKIP() << "TLS has no half-close";
  connect_raw();
  here().write_eof();
  const BytesView views[] = {"too", "late"};
  EXPECT_THROW(here().writelines(views), InvalidStateError);
  EXPECT_THROW(here().writelines(chunks_of({"too", "late"})), InvalidStateError);
}

INSTANTIATE_TEST_SUITE_P(Streams, Writelines, ::testing::ValuesIn(each_carrier()), name_of);

}  // namespace
}  // namespace tidegate::contract
