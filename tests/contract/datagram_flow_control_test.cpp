// Flow control of datagrams (D3, D4, F1 ... F7): who is told what when the other end does not receive. On
// sockets that are connected, where the kernel tells of room, and on those that are not, where it does not.
#include "contract/datagram_rig.hpp"

#include <algorithm>
#include <ctime>
#include <stdexcept>
#include <string>
#include <vector>

namespace tidegate::contract {
namespace {

using ::testing::ElementsAre;

class DatagramFlowControl : public DatagramTest {
 protected:
  /// How the transport knows its peer.
  enum class Way { connected, unconnected };
  static constexpr Way kWays[] = {Way::connected, Way::unconnected};

  struct Pair {
    PlainSocket peer;
    Opened opened;

    void send(std::string_view bytes) const { opened.transport->sendto(bytes, peer.endpoint()); }
  };

  [[nodiscard]] Pair pair(Way way) {
    PlainSocket peer = plain_socket();
    Opened opened = way == Way::connected ? open_connected(peer) : open();
    return {std::move(peer), std::move(opened)};
  }

  /// Sends until something has to wait; returns what was sent in all.
  static std::vector<std::string> fill(const Pair& pair, std::size_t size = 100) {
    std::vector<std::string> sent;
    while (pair.opened.transport->get_write_buffer_size() == 0 && sent.size() < 100'000) {
      sent.push_back(pattern(size, sent.size()));
      pair.send(sent.back());
    }
    return sent;
  }
};

TEST_P(DatagramFlowControl, what_finds_no_room_waits_in_order_and_is_sent_when_there_is_some_D3) {
  for (const Way way : kWays) {
    SCOPED_TRACE(static_cast<int>(way));
    Pair it = pair(way);
    std::vector<std::string> sent = fill(it);
    EXPECT_EQ(it.opened.transport->get_write_buffer_size(), 108U);
    for (const char* bytes : {"", "next", ""}) {
      it.send(bytes);
      sent.emplace_back(bytes);
    }
    EXPECT_EQ(it.opened.transport->get_write_buffer_size(), 108U + 8U + 12U + 8U);
    EXPECT_TRUE(run_until([&] { return it.peer.receive().size() == sent.size(); }));
    EXPECT_TRUE(it.peer.received == sent);
    EXPECT_TRUE(run_until([&] { return it.opened.transport->get_write_buffer_size() == 0; }));
    EXPECT_TRUE(it.opened.protocol->errors.empty());
    end(it.opened);
  }
}

TEST_P(DatagramFlowControl, waiting_for_room_does_not_spin_E5) {
  for (const Way way : kWays) {
    SCOPED_TRACE(static_cast<int>(way));
    Pair it = pair(way);
    static_cast<void>(fill(it));
    const std::clock_t before = std::clock();
    TimerHandle stop = loop().call_later(std::chrono::milliseconds(300), [&] { loop().stop(); });
    loop().run_forever();
    const double seconds = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
    EXPECT_LT(seconds, 0.15) << "of the processor's time in 0.3 s";
    end(it.opened);
  }
}

TEST_P(DatagramFlowControl, pause_comes_strictly_over_high_and_resume_at_low_F1) {
  for (const Way way : kWays) {
    SCOPED_TRACE(static_cast<int>(way));
    Pair it = pair(way);
    it.opened.transport->set_write_buffer_limits({.high = 1'080, .low = 540});
    std::vector<std::string> sent = fill(it);
    while (it.opened.transport->get_write_buffer_size() < 1'080) {
      sent.push_back(pattern(100, sent.size()));
      it.send(sent.back());
    }
    EXPECT_EQ(it.opened.transport->get_write_buffer_size(), 1'080U);
    EXPECT_FALSE(it.opened.protocol->paused) << "at the mark, not over it";
    it.send("");
    sent.emplace_back("");
    EXPECT_TRUE(it.opened.protocol->paused);
    bool resumed_too_early = false;
    it.opened.protocol->on_resume = [&] {
      resumed_too_early = it.opened.transport->get_write_buffer_size() > 540;
    };
    EXPECT_TRUE(run_until([&] {
      it.peer.receive_one();
      return it.peer.received.size() == sent.size();
    }));
    EXPECT_TRUE(run_until([&] { return !it.opened.protocol->paused; }));
    EXPECT_FALSE(resumed_too_early);
    EXPECT_TRUE(it.peer.received == sent);
    EXPECT_THAT(it.opened.protocol->calls, ElementsAre("made", "pause", "resume"));
    end(it.opened);
  }
}

TEST_P(DatagramFlowControl, with_marks_of_zero_any_that_waits_pauses_and_only_none_resumes_F4) {
  Pair it = pair(Way::connected);
  it.opened.transport->set_write_buffer_limits({.high = 0, .low = {}});
  std::vector<std::string> sent = fill(it);
  EXPECT_TRUE(it.opened.protocol->paused);
  it.opened.protocol->on_resume = [&] { EXPECT_EQ(it.opened.transport->get_write_buffer_size(), 0U); };
  EXPECT_TRUE(run_until([&] {
    it.peer.receive();
    return !it.opened.protocol->paused;
  }));
  EXPECT_TRUE(it.peer.receive() == sent);
  end(it.opened);
}

TEST_P(DatagramFlowControl, a_protocol_that_stops_when_paused_sends_everything_in_bounded_memory_F6) {
  for (const Way way : kWays) {
    SCOPED_TRACE(static_cast<int>(way));
    Pair it = pair(way);
    it.opened.transport->set_write_buffer_limits({.high = 5'000, .low = {}});
    constexpr std::size_t kCount = 600;
    std::size_t next = 0;
    std::size_t most = 0;
    const auto send_more = [&] {
      while (next < kCount && !it.opened.protocol->paused) {
        it.send(pattern(next % 300, next));
        ++next;
        most = std::max(most, it.opened.transport->get_write_buffer_size());
      }
    };
    it.opened.protocol->on_resume = send_more;
    send_more();
    EXPECT_TRUE(run_until([&] { return it.peer.receive().size() == kCount; }));
    for (std::size_t index = 0; index < it.peer.received.size(); ++index)
      ASSERT_TRUE(it.peer.received[index] == pattern(index % 300, index)) << index;
    EXPECT_LE(most, 5'000U + 308U);
    end(it.opened);
  }
}

TEST_P(DatagramFlowControl, limits_follow_from_each_other_and_wrong_ones_change_nothing_F2_F3) {
  Opened opened = open();
  DatagramTransport& transport = *opened.transport;
  EXPECT_EQ(transport.get_write_buffer_limits(), (WriteBufferLimits{.low = 16'384, .high = 65'536}));
  transport.set_write_buffer_limits({.high = {}, .low = 100});
  EXPECT_EQ(transport.get_write_buffer_limits(), (WriteBufferLimits{.low = 100, .high = 400}));
  EXPECT_EQ(
      thrown_text<std::invalid_argument>([&] { transport.set_write_buffer_limits({.high = 5, .low = 6}); }),
      "high (5) must be >= low (6) must be >= 0");
  EXPECT_EQ(transport.get_write_buffer_limits(), (WriteBufferLimits{.low = 100, .high = 400}));
  end(opened);
}

TEST_P(DatagramFlowControl, marks_below_the_present_size_pause_at_once_F5) {
  Pair it = pair(Way::connected);
  const std::vector<std::string> sent = fill(it);
  EXPECT_FALSE(it.opened.protocol->paused);
  it.opened.transport->set_write_buffer_limits({.high = 50, .low = {}});
  EXPECT_TRUE(it.opened.protocol->paused);
  it.opened.transport->set_write_buffer_limits({.high = 5'000, .low = {}});
  EXPECT_TRUE(it.opened.protocol->paused) << "raising them resumes nobody";
  EXPECT_TRUE(run_until([&] {
    it.peer.receive();
    return !it.opened.protocol->paused;
  }));
  EXPECT_TRUE(it.peer.receive() == sent);
  end(it.opened);
}

TEST_P(DatagramFlowControl, a_pause_for_what_was_only_gathered_ends_when_it_leaves_F5) {
  Pair it = pair(Way::connected);
  run_inside(it.opened, it.peer, [&] {
    it.send("gathered");
    it.opened.transport->set_write_buffer_limits({.high = 1, .low = {}});
    EXPECT_TRUE(it.opened.protocol->paused);
  });
  EXPECT_TRUE(run_until([&] { return !it.opened.protocol->paused; }));
  EXPECT_THAT(it.opened.protocol->calls, ElementsAre("made", "pause", "resume"));
  end(it.opened);
}

TEST_P(DatagramFlowControl, close_sends_all_that_waits_however_long_it_takes_D4) {
  for (const Way way : kWays) {
    SCOPED_TRACE(static_cast<int>(way));
    Pair it = pair(way);
    std::vector<std::string> sent = fill(it);
    it.send("last");
    sent.emplace_back("last");
    it.opened.transport->close();
    it.send("after close, while it is being sent");
    sent.emplace_back("after close, while it is being sent");
    turns(5);
    EXPECT_FALSE(it.opened.protocol->lost);
    EXPECT_TRUE(run_until([&] { return it.peer.receive().size() == sent.size(); }));
    EXPECT_TRUE(it.peer.received == sent);
    EXPECT_TRUE(run_until([&] { return it.opened.protocol->lost; }));
    EXPECT_FALSE(it.opened.protocol->lost_reason);
  }
}

TEST_P(DatagramFlowControl, abort_drops_what_waits_also_after_close_D4) {
  for (const Way way : kWays) {
    SCOPED_TRACE(static_cast<int>(way));
    Pair it = pair(way);
    const std::vector<std::string> sent = fill(it);
    it.opened.transport->close();
    turns(2);
    it.opened.transport->abort();
    EXPECT_EQ(it.opened.transport->get_write_buffer_size(), 0U);
    EXPECT_TRUE(run_until([&] { return it.opened.protocol->lost; }));
    turns(3);
    EXPECT_EQ(it.peer.receive().size(), sent.size() - 1);
  }
}

TEST_P(DatagramFlowControl, closing_from_inside_of_pause_and_resume_ends_once_L2) {
  for (const bool inside_pause : {true, false}) {
    SCOPED_TRACE(inside_pause);
    Pair it = pair(Way::connected);
    it.opened.transport->set_write_buffer_limits({.high = 0, .low = {}});
    auto& hook = inside_pause ? it.opened.protocol->on_pause : it.opened.protocol->on_resume;
    hook = [&] { it.opened.transport->close(); };
    const std::vector<std::string> sent = fill(it);
    EXPECT_TRUE(run_until([&] {
      it.peer.receive();
      return it.opened.protocol->lost;
    }));
    EXPECT_TRUE(it.peer.receive() == sent);
  }
}

TEST_P(DatagramFlowControl, what_waits_when_the_loop_closes_is_released_L10) {
  for (const Way way : kWays) {
    Pair it = pair(way);
    static_cast<void>(fill(it));
    if (way == Way::connected) {
      end(it.opened);
      continue;
    }
    end_loop();
    EXPECT_EQ(take_reports().size(), 1U);
    EXPECT_EQ(it.opened.transport->get_write_buffer_size(), 0U);
    it.opened.protocol->transport.reset();
  }
}

INSTANTIATE_TEST_SUITE_P(Datagrams, DatagramFlowControl, ::testing::ValuesIn(grounds_that_fill()),
                         name_of_datagrams);

}  // namespace
}  // namespace tidegate::contract
