// Receiving much: how much is read at once and in one dispatch, and that what happens in the middle of that
// holds at once.
#include "kernel/seam_test.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidegate::kernel::testing {
namespace {

constexpr std::size_t kPieceBytes = 64 * 1024;
/// Over which a connection may not go in one dispatch, by more than one read.
constexpr std::size_t kShareBytes = 2 * 1024 * 1024;
constexpr std::size_t kOneReadBytes = 512 * 1024;

class SeamBulk : public SeamTest {
 protected:
  /// Where all buffers are tiny, nothing ever looks like much.
  [[nodiscard]] static bool is_tiny() { return std::string_view(GetParam().name).starts_with("tiny"); }

  void SetUp() override {
    SeamTest::SetUp();
    if (is_simulated()) GTEST_SKIP() << "about a thing of the system";
    link_.emplace(link(tcp_pair()));
    receiver_ = &make<Receiver>();
    receiver_->on_delivery = [this](BytesView bytes) {
      sizes_.push_back(bytes.size());
      ++of_this_dispatch_;
      most_in_a_dispatch_ = std::max(most_in_a_dispatch_, of_this_dispatch_);
      if (of_this_dispatch_ > 1) largest_behind_another_ = std::max(largest_behind_another_, bytes.size());
      if (on_delivery_) on_delivery_();
    };
    start(*receiver_, link_->channel);
  }

  void TearDown() override {
    link_.reset();
    SeamTest::TearDown();
  }

  /// The other end sends as much as the kernel takes.
  void offer_much() {
    const std::string piece = pattern(kPieceBytes, sent_.size());
    std::size_t count = 0;
    do {
      count = link_->peer.send_some(std::string_view(piece));
      sent_.append(piece, 0, count);
    } while (count == piece.size());
  }
  void receive_what_was_sent() {
    run_until([this] {
      of_this_dispatch_ = 0;
      return receiver_->bytes.size() >= sent_.size();
    });
    ASSERT_TRUE(receiver_->bytes == sent_);
  }
  /// Then it has shown how it is to be received.
  void begin_in_bulk() {
    offer_much();
    receive_what_was_sent();
    sizes_.clear();
    most_in_a_dispatch_ = 0;
    largest_behind_another_ = 0;
  }
  /// A little at the end of much makes the next read a plain one: the first of a dispatch may be.
  void expect_pieces() const {
    EXPECT_GT(most_in_a_dispatch_, 1);
    EXPECT_LE(largest_behind_another_, kPieceBytes);
  }
  void expect_all_at_once() const {
    ASSERT_FALSE(sizes_.empty());
    EXPECT_GT(std::ranges::max(sizes_), kPieceBytes);
  }
  static void answer(Backend& backend, ChannelId channel) {
    char byte = '.';
    iovec piece{.iov_base = &byte, .iov_len = 1};
    EXPECT_EQ(backend.try_send(channel, {&piece, 1}), 1);
  }

  std::optional<Link> link_;
  Receiver* receiver_ = nullptr;
  std::string sent_;
  std::vector<std::size_t> sizes_;
  int of_this_dispatch_ = 0;
  int most_in_a_dispatch_ = 0;
  std::size_t largest_behind_another_ = 0;
  std::function<void()> on_delivery_;
};

TEST_P(SeamBulk, what_nobody_answers_comes_in_pieces_several_in_a_dispatch) {
  if (is_tiny()) GTEST_SKIP() << "nothing is much here";
  begin_in_bulk();
  for (int round = 0; round < 5; ++round) {
    offer_much();
    receive_what_was_sent();
  }
  expect_pieces();
}

TEST_P(SeamBulk, what_is_answered_comes_at_once) {
  if (is_tiny()) GTEST_SKIP() << "nothing is much here";
  on_delivery_ = [this] { answer(backend(), link_->channel); };
  begin_in_bulk();
  offer_much();
  receive_what_was_sent();
  expect_all_at_once();
}

TEST_P(SeamBulk, what_is_passed_on_to_another_connection_comes_at_once) {
  if (is_tiny()) GTEST_SKIP() << "nothing is much here";
  Link other = link(tcp_pair());
  on_delivery_ = [&] { answer(backend(), other.channel); };
  begin_in_bulk();
  offer_much();
  receive_what_was_sent();
  expect_all_at_once();
}

TEST_P(SeamBulk, it_begins_and_ceases_to_come_in_pieces_with_the_answers) {
  if (is_tiny()) GTEST_SKIP() << "nothing is much here";
  begin_in_bulk();
  on_delivery_ = [this] { answer(backend(), link_->channel); };
  begin_in_bulk();
  offer_much();
  receive_what_was_sent();
  expect_all_at_once();
  on_delivery_ = nullptr;
  begin_in_bulk();
  offer_much();
  receive_what_was_sent();
  expect_pieces();
}

TEST_P(SeamBulk, small_messages_on_such_a_connection_come_as_they_are) {
  begin_in_bulk();
  for (int round = 0; round < 10; ++round) {
    link_->peer.send("some");
    sent_ += "some";
    receive_what_was_sent();
  }
  EXPECT_EQ(sizes_, std::vector<std::size_t>(10, 4));
  expect_no_spin();
}

TEST_P(SeamBulk, the_end_of_file_is_told_in_a_later_dispatch_than_whole_pieces_before_it) {
  begin_in_bulk();
  int dispatch = 0;
  int delivered_in = 0;
  int ended_in = 0;
  on_delivery_ = [&] { delivered_in = dispatch; };
  receiver_->on_completed = [&](int) { ended_in = dispatch; };
  const std::string piece = pattern(kPieceBytes, sent_.size());
  link_->peer.send(piece);
  sent_ += piece;
  link_->peer.close();
  run_until([&] {
    ++dispatch;
    return receiver_->ended();
  });
  EXPECT_TRUE(receiver_->bytes == sent_);
  EXPECT_EQ(receiver_->last_end(), 0);
  EXPECT_LT(delivered_in, ended_in);
}

TEST_P(SeamBulk, a_hold_from_inside_a_piece_is_kept) {
  begin_in_bulk();
  offer_much();
  on_delivery_ = [this] { hold(*receiver_); };
  while (sizes_.empty()) turn(std::chrono::milliseconds(100));
  turns(5);
  EXPECT_EQ(sizes_.size(), 1U);
  on_delivery_ = nullptr;
  resume(*receiver_);
  receive_what_was_sent();
}

TEST_P(SeamBulk, a_cancel_from_inside_a_piece_ends_the_deliveries_and_the_channel_may_be_closed) {
  begin_in_bulk();
  offer_much();
  on_delivery_ = [this] {
    cancel(*receiver_);
    receiver_->on_completed = [this](int) { close(link_->channel); };
  };
  run_until([this] { return receiver_->ended(); });
  turns(3);
  EXPECT_EQ(sizes_.size(), 1U);
  EXPECT_EQ(receiver_->last_end(), -ECANCELED);
}

TEST_P(SeamBulk, E5_one_dispatch_brings_no_more_than_a_share) {
  begin_in_bulk();
  for (int round = 0; round < 20; ++round) {
    offer_much();
    // What is sent from inside arrives while the dispatch goes on.
    on_delivery_ = [this] { offer_much(); };
    const std::size_t before = receiver_->bytes.size();
    turn(std::chrono::milliseconds(100));
    EXPECT_LE(receiver_->bytes.size() - before, kShareBytes + kOneReadBytes);
  }
  on_delivery_ = nullptr;
  receive_what_was_sent();
}

INSTANTIATE_TEST_SUITE_P(Seam, SeamBulk, ::testing::ValuesIn(grounds()), name_of);

}  // namespace
}  // namespace tidegate::kernel::testing
