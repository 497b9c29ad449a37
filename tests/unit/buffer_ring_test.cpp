// Received memory, on a ring of the test's own: pieces come back in any order, stay as they are until then,
// and nobody touches what is the kernel's.
#ifdef TIDEGATE_HAS_IO_URING

#include "kernel/uring/buffer_ring.hpp"

#include <tidegate/error.hpp>

#include "base/poison.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tidegate::kernel {
namespace {

using namespace std::chrono_literals;

bool is_poisoned([[maybe_unused]] const void* address) {
#ifdef TIDEGATE_ADDRESS_SANITIZER
  return __asan_address_is_poisoned(address) != 0;
#else
  return true;
#endif
}

/// Whether buffers are filled piece by piece.
class BufferRings : public ::testing::TestWithParam<bool> {
 protected:
  void make(unsigned buffers, unsigned buffer_bytes) {
    const UringOptions options{.submissions = 8,
                               .completions = 64,
                               .buffers = buffers,
                               .buffer_bytes = buffer_bytes,
                               .incremental = GetParam()};
    try {
      ring_ = std::make_unique<Ring>(options);
    } catch (const OsError& error) {
      GTEST_SKIP() << error.what();
    }
    buffers_ = std::make_unique<BufferRing>(*ring_, options);
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends_.data()), 0);
  }
  ~BufferRings() override {
    ring_.reset();  // before the buffers
    for (const int end : ends_) {
      if (end >= 0) ::close(end);
    }
  }

  /// Sends `text` through the sockets and receives what a buffer takes of it; none: there is no buffer.
  std::optional<ReceivedPiece> receive(std::string_view text) {
    EXPECT_EQ(::send(ends_[1], text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    return receive();
  }
  std::optional<ReceivedPiece> receive() {
    io_uring_sqe* entry = ring_->next_entry();
    ::io_uring_prep_recv(entry, ends_[0], nullptr, 0, 0);
    entry->flags |= IOSQE_BUFFER_SELECT;
    entry->buf_group = BufferRing::kGroup;
    while (ring_->ready() == 0) EXPECT_EQ(ring_->wait(std::nullopt), 0);
    const Completion completion = ring_->take();
    const ReceivedPiece piece = buffers_->piece_of(completion);
    if (completion.result == -ENOBUFS) return std::nullopt;
    EXPECT_GT(completion.result, 0);
    return piece;
  }
  static std::string_view text_of(const ReceivedPiece& piece) { return piece.bytes().text(); }

  std::unique_ptr<Ring> ring_;
  std::unique_ptr<BufferRing> buffers_;
  std::array<int, 2> ends_{-1, -1};
};

TEST_P(BufferRings, pieces_stay_as_they_are_and_come_back_in_any_order) {
  make(4, 64);
  if (IsSkipped()) return;
  const std::string sent = "one two three four";
  for (std::size_t round = 0; round < 40; ++round) {
    std::vector<ReceivedPiece> pieces;
    for (std::size_t from = 0; from < sent.size(); from += 6) {
      const auto piece = receive(std::string_view(sent).substr(from, 6));
      ASSERT_TRUE(piece) << "round " << round;
      pieces.push_back(*piece);
      // The end of a buffer that is filled piece by piece: the rest is in the next.
      if (piece->size == 6) continue;
      pieces.push_back(receive().value());
      EXPECT_EQ(pieces.back().size + piece->size, 6U);
    }
    std::string received;
    for (const ReceivedPiece& piece : pieces) received += text_of(piece);
    EXPECT_EQ(received, sent);
    std::rotate(pieces.begin(), pieces.begin() + static_cast<std::ptrdiff_t>(round % pieces.size()),
                pieces.end());
    if (round % 2 == 1) std::reverse(pieces.begin(), pieces.end());
    for (const ReceivedPiece& piece : pieces) buffers_->give_back(piece);
  }
}

TEST_P(BufferRings, a_buffer_that_is_lent_is_not_filled_again_before_it_comes_back) {
  make(1, 8);
  if (IsSkipped()) return;
  const auto piece = receive("exactly8");
  ASSERT_TRUE(piece);
  EXPECT_FALSE(receive("later")) << "there is no other buffer";
  EXPECT_EQ(text_of(*piece), "exactly8");
  buffers_->give_back(*piece);
  const auto next = receive();
  ASSERT_TRUE(next);
  EXPECT_EQ(text_of(*next), "later");
  buffers_->give_back(*next);
}

TEST_P(BufferRings, of_one_byte) {
  make(1, 1);
  if (IsSkipped()) return;
  std::string received;
  ASSERT_EQ(::send(ends_[1], "byte by byte", 12, 0), 12);
  while (received.size() < 12) {
    const auto piece = receive();
    ASSERT_TRUE(piece);
    EXPECT_EQ(piece->size, 1U);
    received += text_of(*piece);
    buffers_->give_back(*piece);
  }
  EXPECT_EQ(received, "byte by byte");
}

TEST_P(BufferRings, what_is_not_lent_is_poisoned) {
  make(2, 64);
  if (IsSkipped()) return;
  const auto piece = receive("sixteen bytes !!");
  ASSERT_TRUE(piece);
#ifdef TIDEGATE_ADDRESS_SANITIZER
  EXPECT_FALSE(is_poisoned(piece->data));
  EXPECT_FALSE(is_poisoned(piece->data + 15));
#endif
  EXPECT_TRUE(is_poisoned(piece->data + 16)) << "the rest of the buffer";
  buffers_->give_back(*piece);
  EXPECT_TRUE(is_poisoned(piece->data));
}

TEST_P(BufferRings, tells_its_own_memory_from_others) {
  make(2, 64);
  if (IsSkipped()) return;
  const auto piece = receive("mine");
  ASSERT_TRUE(piece);
  EXPECT_TRUE(buffers_->holds(piece->bytes()));
  EXPECT_TRUE(buffers_->holds(piece->bytes().drop(2)));
  EXPECT_FALSE(buffers_->holds(BytesView("not mine")));
  buffers_->give_back(*piece);
}

TEST_P(BufferRings, goes_on_with_another_ring_while_a_piece_is_lent) {
  make(2, 8);
  if (IsSkipped()) return;
  const auto piece = receive("before !");
  ASSERT_TRUE(piece);
  auto next_ring = std::make_unique<Ring>(UringOptions{.submissions = 8, .completions = 64});
  buffers_->move_to(*next_ring);
  ring_ = std::move(next_ring);
  const auto second = receive("after  !");
  ASSERT_TRUE(second);
  EXPECT_EQ(text_of(*piece), "before !");
  EXPECT_EQ(text_of(*second), "after  !");
  EXPECT_FALSE(receive("too much")) << "both are lent";
  buffers_->give_back(*piece);
  const auto third = receive();
  ASSERT_TRUE(third);
  EXPECT_EQ(text_of(*third), "too much");
  buffers_->give_back(*second);
  buffers_->give_back(*third);
}

std::string name_of_way(const ::testing::TestParamInfo<bool>& way) {
  return way.param ? "incremental" : "whole";
}

INSTANTIATE_TEST_SUITE_P(Memory, BufferRings, ::testing::Bool(), name_of_way);

}  // namespace
}  // namespace tidegate::kernel

#endif
