// Ways in which stream transports of other libraries have failed, each of which must not be possible here.
#include "contract/contract_test.hpp"

#include <array>
#include <cerrno>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tidegate::contract {
namespace {

class StreamHazards : public ContractTest {
 protected:
  /// A loop with nothing to do sleeps. One that spins uses every processor second it can get, also on a busy
  /// machine.
  void expect_no_spin() {
    const auto used = rig().processor_time_of_running(std::chrono::milliseconds(60));
    EXPECT_LT(used, std::chrono::milliseconds(20)) << "the loop does not sleep\n" << rig().traces();
  }
};

// --- endings -------------------------------------------------------------------------------------

TEST_P(StreamHazards, L2_close_inside_resume_writing_ends_the_connection_once) {
  for (const std::size_t low : {0UL, 100'000UL}) {
    connect_raw();
    const std::size_t filled = fill_kernel();
    here().on.resume_writing = [&] {
      here().close();
      here().close();
    };
    here().set_limits({.high = 200'000, .low = low});
    rig().run_until([&] { return peer().at_end(); });
    EXPECT_EQ(peer().received.size(), filled);
    run_until_lost();
    rig().run_until_quiet();
    EXPECT_EQ(here().lost_count, 1);
    EXPECT_FALSE(here().reason);
  }
}

TEST_P(StreamHazards, L5_abort_after_everything_was_flushed) {
  connect_raw();
  const std::size_t filled = fill_kernel();
  rig().run_until([&] { return peer().has(filled) && here().buffered() == 0; });
  here().abort();
  run_until_lost();
  EXPECT_FALSE(here().reason);
}

TEST_P(StreamHazards, L5_abort_from_a_timer_that_was_set_before_the_connection_ended) {
  connect_raw();
  const TransportRef kept = here().ref();
  loop().call_later(std::chrono::milliseconds(2), [kept] {
    kept->abort();
    kept->close();
  });
  peer().close();
  run_until_lost();
  bool passed = false;
  loop().call_later(std::chrono::milliseconds(4), [&] { passed = true; });
  rig().run_until([&] { return passed; });
  EXPECT_EQ(here().lost_count, 1);
}

// --- ends of file --------------------------------------------------------------------------------

TEST_P(StreamHazards, R2_a_body_whose_end_of_file_came_while_reading_was_paused_is_not_lost) {
  connect_raw();
  here().pause_reading();
  rig().run_until_quiet();
  const std::size_t sent = peer().send_some(pattern(150'000));
  peer().close();
  rig().run_until_quiet();
  EXPECT_EQ(here().lost_count, 0);
  here().resume_reading();
  run_until_lost();
  EXPECT_EQ(here().received.size(), sent);
  EXPECT_TRUE(is_pattern(here().received));
  EXPECT_EQ(here().eof_count, 1);
  EXPECT_FALSE(here().reason) << here().reason.message();
}

TEST_P(StreamHazards, L3_a_failed_write_does_not_discard_what_can_be_read) {
  for (const bool inside_loop : {false, true}) {
    for (const std::size_t size : {5UL, 100'000UL}) {
      SCOPED_TRACE(std::to_string(size) + (inside_loop ? " inside the loop" : " outside of it"));
      connect_raw();
      std::size_t sent = 0;
      const auto reply_and_go = [&] {
        sent = peer().send_some(pattern(size));
        peer().close();
        for (int times = 0; times < 5; ++times) {
          here().write(std::string(100'000, 'x'));
        }
      };
      inside_loop ? rig().in_loop(reply_and_go) : reply_and_go();
      run_until_lost();
      EXPECT_EQ(here().received.size(), sent);
      EXPECT_TRUE(is_pattern(here().received));
      static_cast<void>(rig().take_warnings());
    }
  }
}

/// It is closing when that is delivered, and not because anybody wanted it.
TEST_P(StreamHazards, L3_abort_in_what_a_failed_write_has_left_to_be_read_keeps_its_reason) {
  connect_raw();
  bool was_closing = false;
  here().on.some_received = [&] {
    here().on.some_received = nullptr;
    was_closing = here().transport().is_closing();
    here().abort();
  };
  static_cast<void>(peer().send_some("reply"));
  peer().close();
  for (int times = 0; times < 5; ++times) here().write(std::string(100'000, 'x'));
  run_until_lost();
  EXPECT_EQ(static_cast<bool>(here().reason), was_closing) << here().reason.message();
  EXPECT_TRUE(was_closing || rig().ground().is_tcp());
  static_cast<void>(rig().take_warnings());
}

TEST_P(StreamHazards, L3_a_failed_write_does_not_discard_what_takes_several_receives) {
  if (rig().ground().is_tls()) GTEST_SKIP() << "nobody passes anything beside TLS";
  connect_raw();
  // Receiving stops at an out-of-band byte and at a passed descriptor, whatever comes behind.
  peer().send("one ");
  if (rig().ground().is_tcp()) {
    peer().send_out_of_band('!');
  } else {
    peer().send_with_descriptor("two ", peer().descriptor());
  }
  peer().send("three");
  peer().close();
  for (int times = 0; times < 5; ++times) here().write(std::string(100'000, 'x'));
  run_until_lost();
  EXPECT_EQ(here().received, rig().ground().is_tcp() ? "one three" : "one two three");
  static_cast<void>(rig().take_warnings());
}

TEST_P(StreamHazards, L3_what_arrived_before_a_reset_is_not_lost_to_writes) {
  if (!rig().ground().is_tcp()) GTEST_SKIP() << "a Unix socket is not reset while there is something to read";
  connect_raw();
  fill_kernel();
  peer().send("reply");
  peer().reset();
  here().write("more");
  run_until_lost();
  EXPECT_EQ(here().received, "reply");
  EXPECT_TRUE(here().reason);
}

/// The kernel tells either the write or the read of a reset, and to the other it looks like an end in order.
TEST_P(StreamHazards, L3_a_reset_that_a_write_finds_out_about_first_is_no_end_of_file) {
  if (!rig().ground().is_tcp())
    GTEST_SKIP() << "a Unix socket that was closed with nothing unread has ended in order";
  std::array<char, 100> memory;
  connect_raw([&] { here().on.get_buffer = [&](std::ptrdiff_t) { return MutableBytesView(memory); }; });
  // More than is received at a time, and not much: the rest and the end come before the write has told.
  const std::string input(20 * memory.size(), 'i');
  peer().send(input);
  here().on.some_received = [&] {
    here().on.some_received = nullptr;
    here().write("more");
    peer().reset();
  };
  run_until_lost();
  EXPECT_EQ(here().received, input);
  EXPECT_EQ(here().eof_count, 0);
  EXPECT_TRUE(here().reason);
  here().on.get_buffer = nullptr;
  static_cast<void>(rig().take_warnings());
}

TEST_P(StreamHazards, L3_a_reset_while_reading_is_paused_is_the_reason_of_a_write_that_fails) {
  if (!rig().ground().is_tcp()) GTEST_SKIP() << "only TCP resets what has nothing unread";
  connect_raw();
  here().pause_reading();
  peer().send("unread");
  rig().run_until_quiet();
  peer().reset();
  rig().run_until_quiet();
  here().write("more");
  run_until_lost();
  EXPECT_EQ(here().reason.code(), std::errc::connection_reset);
  static_cast<void>(rig().take_warnings());
}

TEST_P(StreamHazards, L3_a_reset_after_the_end_of_file_is_noticed_without_writing) {
  if (rig().ground().is_tls()) GTEST_SKIP() << "TLS has no half-close";
  connect_raw([&] { here().keep_open_after_eof = true; });
  here().write("unread");
  rig().run_until([&] { return here().buffered() == 0; });
  peer().shutdown_write();
  rig().run_until([&] { return here().eof_count == 1; });
  rig().run_until_quiet();
  EXPECT_EQ(here().lost_count, 0);
  peer().reset();
  run_until_lost();
  EXPECT_TRUE(here().reason);
}

// --- spinning ------------------------------------------------------------------------------------

TEST_P(StreamHazards, a_half_closed_idle_connection_does_not_spin) {
  if (rig().ground().is_tls()) GTEST_SKIP() << "TLS has no half-close";
  connect_raw([&] { here().keep_open_after_eof = true; });
  peer().shutdown_write();
  rig().run_until([&] { return here().eof_count == 1; });
  expect_no_spin();
  here().write_eof();
  expect_no_spin();
}

TEST_P(StreamHazards, a_half_closed_connection_that_waits_to_write_does_not_spin) {
  if (rig().ground().is_tls()) GTEST_SKIP() << "TLS has no half-close";
  connect_raw([&] { here().keep_open_after_eof = true; });
  fill_kernel();
  peer().shutdown_write();
  rig().run_until([&] { return here().eof_count == 1; });
  expect_no_spin();
}

TEST_P(StreamHazards, a_closed_transport_that_waits_to_flush_does_not_spin_on_what_arrives) {
  connect_raw();
  fill_kernel();
  here().close();
  peer().send("unwanted");
  peer().shutdown_write();
  expect_no_spin();
}

TEST_P(StreamHazards, a_paused_connection_does_not_spin_whatever_the_peer_does) {
  const std::pair<const char*, std::function<void()>> deeds[] = {
      {"sends", [&] { peer().send("waiting"); }},
      {"half-closes", [&] { peer().shutdown_write(); }},
      {"closes", [&] { peer().close(); }},
      {"closes after sending", [&] { peer().send("waiting"), peer().close(); }},
      {"resets", [&] { reset_by_peer(); }},
  };
  for (const auto& [name, deed] : deeds) {
    SCOPED_TRACE(name);
    connect_raw();
    here().pause_reading();
    rig().run_rounds(2);
    deed();
    expect_no_spin();
  }
}

TEST_P(StreamHazards, an_idle_connection_that_was_full_once_does_not_spin) {
  connect_raw();
  const std::size_t filled = fill_kernel();
  rig().run_until([&] { return peer().has(filled) && here().buffered() == 0; });
  expect_no_spin();
}

TEST_P(StreamHazards, a_duplicated_descriptor_does_not_spin_after_close) {
  connect_raw();
  fill_kernel();
  const OwnedFileDescriptor duplicate(FileDescriptor{::dup(here().transport().socket().descriptor().number)});
  ASSERT_TRUE(duplicate.valid());
  here().abort();
  run_until_lost();
  peer().send("for the duplicate");
  peer().receive();
  expect_no_spin();
}

// --- odd messages --------------------------------------------------------------------------------

TEST_P(StreamHazards, an_out_of_band_byte_does_not_stall_the_connection) {
  if (!rig().ground().is_tcp()) GTEST_SKIP() << "only TCP";
  connect_raw();
  peer().send("before ");
  peer().send_out_of_band('!');
  peer().send("after");
  rig().run_until([&] { return here().received == "before after"; });
  peer().send_out_of_band('!');
  expect_no_spin();
  peer().send(" the end");
  peer().close();
  run_until_lost();
  EXPECT_EQ(here().received, "before after the end");
}

TEST_P(StreamHazards, passed_descriptors_neither_stall_the_connection_nor_leak) {
  if (rig().ground().is_tls()) GTEST_SKIP() << "nobody passes anything beside TLS";
  if (rig().ground().is_tcp()) GTEST_SKIP() << "only Unix sockets pass descriptors";
  connect_raw();
  std::array<int, 2> pipe{-1, -1};
  ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC | O_NONBLOCK), 0);
  const OwnedFileDescriptor reading(FileDescriptor{pipe[0]});
  OwnedFileDescriptor passed(FileDescriptor{pipe[1]});
  for (int times = 0; times < 3; ++times) {
    peer().send("before ");
    peer().send_with_descriptor("with ", passed.get());
    peer().send("after ");
  }
  passed.reset();
  rig().run_until(
      [&] { return here().received == "before with after before with after before with after "; });
  char nothing = 0;
  EXPECT_EQ(::read(reading.get().number, &nothing, 1), 0)
      << "somebody still has the descriptor that was passed";
}

// --- numbers that are used again -----------------------------------------------------------------

TEST_P(StreamHazards, L9_neighbours_that_are_aborted_within_a_batch_hear_of_nothing_more) {
  constexpr std::size_t kCount = 30;
  std::vector<Rig::RawLink> links;
  for (std::size_t count = 0; count < kCount; ++count) links.push_back(rig().connect_raw());
  for (std::size_t index = 0; index < kCount; ++index) {
    links[index].end.on.some_received = [&, index] {
      for (const std::size_t step : {0UL, 1UL, 2UL, 5UL}) links[(index + step) % kCount].end.abort();
    };
  }
  for (Rig::RawLink& link : links) link.peer.send("all at once");
  rig().run_until([&] {
    for (const Rig::RawLink& link : links) {
      if (!link.end.lost()) return false;
    }
    return true;
  });
}

TEST_P(StreamHazards, L9_an_event_that_is_late_for_a_number_does_not_reach_its_next_owner) {
  connect_raw();
  TracedEnd& next = rig().make_end("next owner");
  const FileDescriptor number = here().transport().socket().descriptor();
  std::vector<RawPeer> raws;
  const auto factory = [&] { return next.make_protocol(Receiver::plain); };
  // In the iteration in which the event of the old owner was found, the number passes on.
  Future<> now = loop().create_future();
  const auto take_over = [&]() -> Task<> {
    co_await now;
    auto [ours, theirs] = Socket::pair();
    const bool first = ours.descriptor() == number;
    EXPECT_TRUE(first || theirs.descriptor() == number);
    raws.emplace_back((first ? theirs : ours).release());
    co_await loop().create_connection(factory, first ? std::move(ours) : std::move(theirs));
  };
  auto taking_over = loop().create_task(take_over());
  rig().run_rounds(2);
  peer().send("late");
  peer().close();
  here().abort();
  now.set_result();
  rig().run_until([&] { return taking_over.done(); });
  rig().run_until_quiet();
  EXPECT_EQ(next.received, "");
  EXPECT_EQ(next.eof_count + next.lost_count, 0);
  raws.front().send("for the next owner");
  rig().run_until([&] { return next.received == "for the next owner"; });
}

TEST_P(StreamHazards, L9_many_connections_in_a_row_on_the_same_numbers) {
  for (int times = 0; times < 100; ++times) {
    connect_raw();
    peer().send(std::to_string(times));
    if (times % 3 == 0) here().on.some_received = [&] { here().abort(); };
    rig().run_until([&] { return here().received == std::to_string(times); });
    if (times % 3 == 1) peer().close();
    if (times % 3 == 2) here().close();
    run_until_lost();
  }
}

INSTANTIATE_TEST_SUITE_P(Streams, StreamHazards, ::testing::ValuesIn(each_side()), name_of);

}  // namespace
}  // namespace tidegate::contract
