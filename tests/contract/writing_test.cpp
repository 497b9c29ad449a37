// What is written reaches the peer: W1, W3 and W6. Memory is in written_memory_test.cpp, writelines in
// writelines_test.cpp, write_eof in half_close_test.cpp.
#include "contract/contract_test.hpp"
#include "support/tcp_segments.hpp"

#include <string>
#include <thread>
#include <vector>

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace tidegate::contract {
namespace {

class StreamWriting : public ContractTest {
 protected:
  void expect_sent(const std::string& expected) {
    rig().run_until([&] { return peer().has(expected.size()); }, "the peer's bytes");
    rig().run_until_quiet();
    peer().receive();
    EXPECT_EQ(peer().received, expected);
  }
};

// --- W1 ------------------------------------------------------------------------------------------

TEST_P(StreamWriting, W1_every_kind_of_write_keeps_the_order_of_the_calls) {
  connect_raw();
  std::string expected;
  const auto write_all_kinds = [&](const std::string& mark) {
    here().write(mark + "view ");
    here().write(Chunk(mark + "chunk "));
    const std::string one = mark + "list ";
    const BytesView pieces[] = {one, "of ", "", "views "};
    here().writelines(pieces);
    std::vector<Chunk> chunks;
    chunks.emplace_back(mark + "list ");
    chunks.emplace_back(std::string("of chunks "));
    here().writelines(std::move(chunks));
    here().write(std::vector<unsigned char>{'b', 'y', 't', 'e', 's', ' '});
    expected += mark + "view " + mark + "chunk " + mark + "list of views " + mark + "list of chunks bytes ";
  };
  write_all_kinds("outside ");
  rig().in_loop([&] { write_all_kinds("inside "); });
  write_all_kinds("outside again ");
  expect_sent(expected);
}

TEST_P(StreamWriting, W1_every_kind_of_write_keeps_the_order_behind_a_full_kernel) {
  connect_raw();
  std::size_t total = fill_kernel();
  for (int round = 0; round < 20; ++round) {
    const auto next = [&](std::size_t size) {
      total += size;
      return pattern(size, total - size);
    };
    here().write(next(1 + static_cast<std::size_t>(round) * 100));
    here().write(Chunk(next(5000)));
    const std::string first = next(10);
    const std::string second = next(20'000);
    const BytesView pieces[] = {first, BytesView(), second};
    here().writelines(pieces);
    std::vector<Chunk> chunks;
    chunks.emplace_back(next(30));
    chunks.emplace_back(std::string());
    chunks.emplace_back(next(3000));
    here().writelines(std::move(chunks));
  }
  rig().run_until([&] { return peer().has(total); });
  EXPECT_EQ(peer().received.size(), total);
  EXPECT_TRUE(is_pattern(peer().received));
}

TEST_P(StreamWriting, W1_a_huge_write_to_a_peer_that_does_not_read_returns) {
  constexpr std::size_t kHugeBytes = std::size_t{32} * 1024 * 1024;
  for (const bool inside_loop : {false, true}) {
    connect_raw();
    const std::string huge = pattern(kHugeBytes);
    inside_loop ? rig().in_loop([&] { here().write(huge); }) : here().write(huge);
    EXPECT_GT(here().buffered(), 0U);
    EXPECT_EQ(here().pause_count, 1);
    rig().run_until([&] { return peer().has(kHugeBytes); });
    EXPECT_TRUE(is_pattern(peer().received));
    rig().run_until([&] { return here().buffered() == 0; });
    EXPECT_EQ(here().resume_count, 1);
  }
}

TEST_P(StreamWriting, W1_a_peer_that_reads_little_at_a_time_gets_everything_in_order) {
  connect_raw([&] { peer().set_option(SOL_SOCKET, SO_RCVBUF, 4096); });
  here().transport().socket().set_option(SOL_SOCKET, SO_SNDBUF, 4096);
  here().write(pattern(20'000));
  rig().run_until([&] {
    for (int times = 0; times < 20; ++times) peer().receive(97);
    return peer().received.size() == 20'000;
  });
  EXPECT_TRUE(is_pattern(peer().received));
}

TEST_P(StreamWriting, W1_empty_data_has_no_effect) {
  connect_raw();
  const auto write_nothing = [&] {
    here().write("");
    here().write(BytesView());
    here().write(Chunk());
    here().write(Chunk(std::string()));
    here().writelines(std::span<const BytesView>());
    here().writelines(std::vector<Chunk>());
    const BytesView empty_pieces[] = {"", BytesView(), ""};
    here().writelines(empty_pieces);
    here().writelines(std::vector<Chunk>(3));
  };
  here().set_limits({.high = 0});
  write_nothing();
  rig().in_loop(write_nothing);
  EXPECT_EQ(here().buffered(), 0U);
  EXPECT_EQ(here().pause_count, 0);
  rig().run_until_quiet();
  EXPECT_EQ(peer().receive(), 0U);
  const std::size_t filled = fill_kernel();
  const std::size_t buffered = here().buffered();
  write_nothing();
  EXPECT_EQ(here().buffered(), buffered);
  EXPECT_EQ(here().pause_count, 0);
  rig().run_until([&] { return peer().has(filled); });
}

TEST_P(StreamWriting, W1_writing_inside_the_callback_that_receives_echoes_everything) {
  connect_raw([&] { here().keeps_received = true; });
  std::size_t echoed = 0;
  here().on.some_received = [&] {
    here().write(BytesView(here().received).drop(echoed));
    echoed = here().received.size();
  };
  std::size_t sent = 0;
  rig().run_until([&] {
    if (sent < 1'000'000) sent += peer().send_some(pattern(50'000, sent));
    peer().receive();
    return peer().received.size() >= 1'000'000 && peer().received.size() == sent;
  });
  EXPECT_TRUE(is_pattern(peer().received));
}

TEST_P(StreamWriting, W1_two_transports_exchange_much_in_both_directions_at_a_time) {
  constexpr std::size_t kEachBytes = 3'000'000;
  connect_pair();
  here().write(pattern(kEachBytes));
  there().write(pattern(kEachBytes, 77));
  rig().run_until(
      [&] { return here().received.size() == kEachBytes && there().received.size() == kEachBytes; });
  EXPECT_TRUE(is_pattern(there().received));
  EXPECT_TRUE(is_pattern(here().received, 77));
}

// --- W3 ------------------------------------------------------------------------------------------

TEST_P(StreamWriting, W3_writes_after_the_loss_are_ignored_and_warned_of_from_the_fifth_on) {
  const std::function<void()> ways[] = {[&] { here().abort(); }, [&] { here().close(); },
                                        [&] { peer().close(), run_until_lost(); },
                                        [&] { reset_by_peer(), run_until_lost(); }};
  for (const auto& lose : ways) {
    connect_raw();
    lose();
    const BytesView pieces[] = {"ig", "nored"};
    here().write("ignored");
    here().write(Chunk(std::string("ignored")));
    here().writelines(pieces);
    here().write("ignored");
    EXPECT_EQ(rig().take_warnings().size(), 0U);
    here().write("ignored");
    EXPECT_EQ(rig().take_warnings().size(), 1U);
    here().writelines(pieces);
    here().write(Chunk(std::string("ignored")));
    EXPECT_EQ(rig().take_warnings().size(), 2U);
    run_until_lost();
    here().write("ignored");
    EXPECT_EQ(rig().take_warnings().size(), 1U);
    EXPECT_EQ(here().buffered(), 0U);
    EXPECT_EQ(here().pause_count, 0);
  }
}

TEST_P(StreamWriting, W3_a_write_after_close_while_flushing_is_accepted_and_flushed) {
  if (rig().ground().is_tls()) GTEST_SKIP() << "what is written after close() is ignored";
  connect_raw();
  const std::size_t filled = fill_kernel();
  here().close();
  here().write(pattern(1000, filled));
  here().write(Chunk(pattern(1000, filled + 1000)));
  EXPECT_GE(here().buffered(), 2000U);
  rig().run_until([&] { return peer().at_end(); });
  EXPECT_EQ(peer().received.size(), filled + 2000);
  EXPECT_TRUE(is_pattern(peer().received));
  run_until_lost();
  EXPECT_FALSE(here().reason);
}

TEST_P(StreamWriting, W3_writing_to_a_peer_that_is_gone_raises_no_signal) {
  connect_raw([&] { here().keep_open_after_eof = true; });
  here().write("make it unread");
  rig().run_until([&] { return here().buffered() == 0; });
  peer().close();
  for (int times = 0; times < 20; ++times) {
    here().write(pattern(10'000));
    rig().run_rounds(1);
  }
  run_until_lost();
  static_cast<void>(rig().take_warnings());
}

// --- W6 ------------------------------------------------------------------------------------------

TEST_P(StreamWriting, W6_what_one_callback_writes_leaves_in_one_system_call) {
  if (!rig().ground().is_tcp()) GTEST_SKIP() << "only TCP counts its segments";
  connect_raw();
  const auto segments_sent = [&] {
    return testing::tcp_data_segments_sent(here().transport().socket().descriptor());
  };
  // What a handshake has sent last may be sent once more until it is acknowledged.
  rig().run_until([&] {
    int unacknowledged = 0;
    EXPECT_EQ(::ioctl(here().transport().socket().descriptor().number, SIOCOUTQ, &unacknowledged), 0);
    return unacknowledged == 0;
  });
  const unsigned before = segments_sent();
  rig().in_loop([&] {
    for (int times = 0; times < 16; ++times) here().write("sixteen small ones, ");
    here().write(Chunk(std::string("a chunk ")));
    const BytesView pieces[] = {"and ", "some ", "pieces"};
    here().writelines(pieces);
  });
  rig().run_until([&] { return peer().has(16 * 20 + 8 + 15); });
  EXPECT_EQ(segments_sent() - before, 1U);
  EXPECT_TRUE(peer().received.ends_with("a chunk and some pieces"));
}

/// Nagle's algorithm would: a reply of several segments waits for the acknowledgment of the first, 40 ms on
/// Linux.
TEST_P(StreamWriting, W6_what_is_small_is_not_held_back_by_the_kernel) {
  if (!rig().ground().is_tcp()) GTEST_SKIP() << "only TCP holds back";
  connect_raw();
  EXPECT_NE(here().transport().socket().get_option(IPPROTO_TCP, TCP_NODELAY), 0);
}

TEST_P(StreamWriting, W6_what_is_written_leaves_before_the_loop_blocks) {
  connect_raw();
  // Nothing else wakes the loop: only the peer, once it has the bytes.
  bool arrived = false;
  loop().call_soon([&] { here().write("now"); });
  std::thread reader([&] {
    pollfd waiting{peer().descriptor().number, POLLIN, 0};
    arrived = ::poll(&waiting, 1, 10'000) == 1;
    loop().call_soon_threadsafe([&] { loop().stop(); });
  });
  loop().run_forever();
  reader.join();
  EXPECT_TRUE(arrived);
  EXPECT_TRUE(peer().has(3));
}

TEST_P(StreamWriting, W6_what_the_last_iteration_before_stop_writes_leaves_too) {
  connect_raw();
  rig().in_loop([&] {
    here().write("last");
    loop().stop();
  });
  pollfd waiting{peer().descriptor().number, POLLIN, 0};
  EXPECT_EQ(::poll(&waiting, 1, 10'000), 1);
  EXPECT_TRUE(peer().has(4));
}

INSTANTIATE_TEST_SUITE_P(Streams, StreamWriting, ::testing::ValuesIn(each_carrier()), name_of);

}  // namespace
}  // namespace tidegate::contract
