// What a protocol writes while bytes are being delivered to it, above all those very bytes: they may be sent
// from where they are, and nobody must be able to tell (W1, W2, W6, F1, F5, L4).
#include "contract/contract_test.hpp"
#include "contract/counted_chunk.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <sys/socket.h>

namespace tidegate::contract {
namespace {

class Answers : public ContractTest {
 protected:
  /// Has `answer` called with whatever arrives, by either kind of protocol. A buffered protocol's memory is
  /// its own: it is overwritten as soon as `answer` has returned.
  void answer_with(std::function<void(BytesView)> answer) {
    answer_ = std::move(answer);
    here().on.data_received = [this](BytesView data) { answer_(data); };
    here().on.get_buffer = [this](std::ptrdiff_t) {
      return MutableBytesView(memory_.data(), memory_.size());
    };
    here().on.buffer_updated = [this](std::size_t size_bytes) {
      answer_(BytesView(memory_).first(size_bytes));
      std::fill(memory_.begin(), memory_.end(), '!');
    };
  }

  /// Sends from the peer until all of `data` is delivered.
  void deliver(const std::string& data) {
    const std::size_t before = here().received_size;
    std::size_t sent = 0;
    rig().run_until([&] {
      sent += peer().send_some(BytesView(data).drop(sent));
      return here().received_size == before + data.size();
    });
  }

 private:
  std::function<void(BytesView)> answer_;
  std::string memory_ = std::string(32 * 1024, '\0');
};

TEST_P(Answers, W1_slices_in_any_order_arrive_as_they_were_written) {
  connect_raw();
  std::string expected;
  const auto write = [&](BytesView bytes) {
    expected += bytes.text();
    here().write(bytes);
  };
  const std::string own = "of its own";
  answer_with([&](BytesView data) {
    const std::size_t half = data.size() / 2;
    write(data);                                      // all of it
    write(data.first(half)), write(data.drop(half));  // in pieces that follow each other
    write(data.drop(half)), write(data.first(half));  // the other way round
    write(data.drop(half)), write(own), write(data);  // with other memory between
    write(BytesView());
    expected += own;
    here().write(Chunk(std::string(own)));
    write(data.first(1));
    const BytesView pieces[] = {data.first(half), BytesView(own), data};
    for (const BytesView piece : pieces) expected += piece.text();
    here().writelines(pieces);
    write(data.drop(half));
  });
  for (const std::size_t size : {1UL, 2UL, 100UL, 20'000UL}) deliver(pattern(size, size));
  rig().run_until([&] { return peer().has(expected.size()); });
  EXPECT_EQ(peer().received, expected);
}

TEST_P(Answers, W2_what_the_kernel_does_not_take_is_kept_although_the_memory_is_used_again) {
  connect_raw();
  here().set_limits({.high = std::size_t{1} << 30U});  // nobody is paused: every answer is tried as it comes
  std::size_t answered = 0;
  answer_with([&](BytesView data) {
    here().write(data);
    answered += data.size();
    EXPECT_LE(here().buffered(), answered + (rig().ground().is_tls() ? answered / 100 : 0));
  });
  // Nobody reads the answers until all questions have come, each through the same memory, and the kernel may
  // not keep more of them for the peer than it has for others.
  peer().set_option(SOL_SOCKET, SO_RCVBUF, 65'536);
  constexpr std::size_t kTotal = 12'000'000;
  deliver(pattern(kTotal));
  EXPECT_GT(here().buffered(), 0U) << "the kernel took everything: not what this test is about";
  rig().run_until([&] { return peer().has(kTotal) && here().buffered() == 0; });
  EXPECT_EQ(peer().received.size(), kTotal);
  EXPECT_TRUE(is_pattern(peer().received));
}

TEST_P(Answers, W2_bytes_that_are_passed_to_another_connection_arrive_there_unchanged) {
  // Both connections bring bytes in the same iteration, through the same memory, for the same third one.
  connect_raw();
  TracedEnd& out = here();
  RawPeer& reader = peer();
  std::size_t passed = 0;
  std::vector<RawPeer*> writers;
  for (int i = 0; i < 2; ++i) {
    connect_raw();
    writers.push_back(&peer());
    answer_with([&](BytesView data) { out.write(data), passed += data.size(); });
    here().on.get_buffer = nullptr;
    here().on.buffer_updated = nullptr;
    if (rig().ground().receiver == Receiver::buffered) here().switch_protocol(Receiver::plain);
  }
  for (char letter = 'a'; letter <= 'z'; ++letter) {
    for (RawPeer* writer : writers) writer->send(std::string(1000, writer == writers[0] ? letter : '.'));
  }
  rig().run_until([&] { return passed == 52'000 && reader.has(52'000); });
  std::string letters = reader.received;
  std::erase(letters, '.');
  std::string expected;
  for (char letter = 'a'; letter <= 'z'; ++letter) expected += std::string(1000, letter);
  EXPECT_EQ(letters, expected);
}

TEST_P(Answers, F5_the_size_of_the_buffer_counts_them_until_the_kernel_has_them) {
  connect_raw();
  answer_with([&](BytesView data) {
    const std::size_t before = here().buffered();
    here().write(data.first(1));
    EXPECT_EQ(here().buffered(), before + 1);
    here().write(data.drop(1));
    // Large pieces are encrypted at once, each record with its head and its tag.
    const std::size_t on_top = rig().ground().is_tls() ? 100 : 0;
    EXPECT_GE(here().buffered(), before + data.size());
    EXPECT_LE(here().buffered(), before + data.size() + on_top);
  });
  deliver(pattern(10'000));
  // A submission that is in flight still counts: the peer may have all before we hear of it.
  rig().run_until([&] { return peer().has(10'000) && here().buffered() == 0; });
  EXPECT_TRUE(is_pattern(peer().received));
}

TEST_P(Answers, F1_what_is_offered_at_once_and_takes_all_along_resumes) {
  connect_raw();
  bool first = true;
  answer_with([&](BytesView data) {
    if (!std::exchange(first, false)) return;
    here().write(data.first(1000));
    here().set_limits({.high = 0});
    EXPECT_TRUE(here().writing_paused);
    here().write(data.first(500));
  });
  deliver(pattern(2000));
  rig().run_until([&] { return peer().has(1500) && !here().writing_paused; });
  EXPECT_EQ(here().pause_count, here().resume_count);
}

TEST_P(Answers, L4_close_between_answers_that_are_offered_at_once_ends_the_connection) {
  if (rig().ground().is_tls()) GTEST_SKIP() << "what is written after close() is ignored";
  connect_raw();
  bool first = true;
  answer_with([&](BytesView data) {
    if (!std::exchange(first, false)) return;
    here().write(data.first(1));
    here().close();
    here().write(pattern(100'000));  // over the mark
  });
  deliver(pattern(100));
  rig().run_until([&] { return peer().has(100'001) && here().lost(); });
}

TEST_P(Answers, F5_marks_set_below_them_pause_at_once_and_resume_when_they_have_gone) {
  connect_raw();
  answer_with([&](BytesView data) {
    here().write(data);
    here().set_limits({.high = 10, .low = 5});
    EXPECT_TRUE(here().writing_paused);
    here().set_limits({.high = 100'000});
  });
  deliver(pattern(2000));
  rig().run_until([&] { return peer().has(2000) && !here().writing_paused; });
  EXPECT_EQ(here().pause_count, here().resume_count);
  EXPECT_TRUE(is_pattern(peer().received));
}

TEST_P(Answers, F4_with_a_high_mark_of_zero_an_answer_that_the_kernel_takes_pauses_nobody) {
  connect_raw();
  here().set_limits({.high = 0});
  answer_with([&](BytesView data) { here().write(data); });
  deliver(pattern(2000));
  rig().run_until([&] { return peer().has(2000); });
  EXPECT_EQ(here().pause_count, 0);
}

TEST_P(Answers, L4_close_after_an_answer_sends_it) {
  connect_raw();
  answer_with([&](BytesView data) { here().write(data), here().close(); });
  peer().send(pattern(5000));
  rig().run_until([&] { return peer().at_end(); });
  EXPECT_TRUE(is_pattern(peer().received));
  EXPECT_EQ(peer().received.size(), 5000U);
  run_until_lost();
  EXPECT_FALSE(here().reason) << here().reason.message();
}

TEST_P(Answers, W3_an_answer_after_close_is_sent_while_others_wait) {
  if (rig().ground().is_tls()) GTEST_SKIP() << "what is written after close() is ignored";
  connect_raw();
  const std::size_t filled = fill_kernel();
  answer_with(
      [&](BytesView data) { here().write(data.first(100)), here().close(), here().write(data.drop(100)); });
  peer().send(pattern(5000, filled));
  rig().run_until([&] { return peer().at_end(); });
  EXPECT_EQ(peer().received.size(), filled + 5000);
  EXPECT_TRUE(is_pattern(peer().received));
  run_until_lost();
}

TEST_P(Answers, W5_write_eof_after_an_answer_comes_behind_it) {
  if (rig().ground().is_tls()) GTEST_SKIP() << "TLS has no half-close";
  connect_raw();
  answer_with([&](BytesView data) { here().write(data), here().write_eof(); });
  peer().send(pattern(5000));
  rig().run_until([&] { return peer().at_end(); });
  EXPECT_TRUE(is_pattern(peer().received));
  EXPECT_EQ(peer().received.size(), 5000U);
  EXPECT_FALSE(here().lost());
}

TEST_P(Answers, L5_abort_after_an_answer_ends_the_connection) {
  connect_raw();
  answer_with([&](BytesView data) {
    here().write(data);
    here().abort();
    EXPECT_EQ(here().transport().get_write_buffer_size(), 0U);
    here().write(data);
  });
  peer().send(pattern(5000));
  run_until_lost();
  EXPECT_FALSE(here().reason) << here().reason.message();
}

TEST_P(Answers, L7_an_answer_and_an_exception_end_the_connection_with_that_exception) {
  connect_raw();
  const std::exception_ptr thrown = failure("in the middle");
  answer_with([&](BytesView data) {
    here().write(data);
    std::rethrow_exception(thrown);
  });
  peer().send(pattern(5000));
  run_until_lost();
  EXPECT_EQ(here().reason.exception(), thrown);
  EXPECT_EQ(rig().take_report().exception, thrown);
}

TEST_P(Answers, L8_a_protocol_that_takes_over_after_an_answer_goes_on_behind_it) {
  connect_raw();
  answer_with([&](BytesView data) {
    here().write(data);
    here().on = {};
    here().switch_protocol(Receiver::plain);
    here().on.data_received = [&](BytesView more) { here().write(more); };
  });
  deliver(pattern(3000));
  deliver(pattern(3000, 3000));
  rig().run_until([&] { return peer().has(6000); });
  EXPECT_TRUE(is_pattern(peer().received));
}

INSTANTIATE_TEST_SUITE_P(Streams, Answers, ::testing::ValuesIn(each_receiver()), name_of);

}  // namespace
}  // namespace tidegate::contract
