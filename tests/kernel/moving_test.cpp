// A loop that is run by another thread than the one that set it up: nothing is lost, told twice, or taken for
// done.
#include "kernel/moving.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/socket.h>

namespace tidegate::kernel::testing {
namespace {

using namespace std::chrono_literals;

class SeamMoving : public MovingTest {};

/// Every case, after the thread has ended and while it is there.
constexpr std::array kBoth{true, false};

TEST_P(SeamMoving, what_is_received_goes_on_in_order) {
  for (const bool it_ends : kBoth) {
    SCOPED_TRACE(it_ends);
    Link link = this->link();
    auto& receiver = make<Receiver>();
    const std::string sent = pattern(700);
    elsewhere(it_ends, [&] {
      start(receiver, link.channel);
      turns(2);
      link.peer.send(std::string_view(sent).substr(0, 100));
      turns(3);
      // Arrived, and not dispatched.
      link.peer.send(std::string_view(sent).substr(100, 200));
      backend().wait(100ms, Duration::zero());
      // Not even that.
      link.peer.send(std::string_view(sent).substr(300, 100));
    });
    link.peer.send(std::string_view(sent).substr(400));
    run_until([&] { return receiver.bytes.size() >= sent.size(); });
    EXPECT_EQ(receiver.bytes, sent);
    link.peer.close();
    run_until([&] { return receiver.ended(); });
    EXPECT_EQ(receiver.last_end(), 0);
  }
}

TEST_P(SeamMoving, what_had_been_started_only_is_begun) {
  for (const bool it_ends : kBoth) {
    SCOPED_TRACE(it_ends);
    Link link = this->link();
    auto& receiver = make<Receiver>();
    auto& sender = make<Sender>();
    const std::string text = "from there";
    std::ptrdiff_t sent = 0;
    started_elsewhere(it_ends, [&] {
      start(receiver, link.channel);
      sent = send(sender, link.channel, text);
    });
    if (sent == Backend::kUnderWay) {
      run_until([&] { return sender.ended(); });
      sent = std::max(sender.last_end(), 0);  // -EAGAIN: worth another try
    }
    run_until_quiet();
    link.peer.receive();
    EXPECT_EQ(link.peer.received, text.substr(0, static_cast<std::size_t>(sent))) << "told as it was";
    link.peer.send("and back");
    run_until([&] { return receiver.bytes == "and back"; });
    // Both directions work as before.
    EXPECT_EQ(send_now(sender, link.channel, text), 10);
  }
}

TEST_P(SeamMoving, many_sends_that_were_submitted_are_told_as_they_were_and_not_sent_again) {
  constexpr std::size_t kLinks = 20;
  for (const bool it_ends : kBoth) {
    SCOPED_TRACE(it_ends);
    std::vector<Link> links;
    std::vector<Sender*> senders;
    const std::string text = pattern(50);
    for (std::size_t index = 0; index < kLinks; ++index) {
      links.push_back(link());
      senders.push_back(&make<Sender>());
    }
    std::vector<std::ptrdiff_t> sent(kLinks);
    elsewhere(it_ends, [&] {
      turn(1ms);  // it waits, so the ring is its own from now on
      for (std::size_t index = 0; index < kLinks; ++index)
        sent[index] = send(*senders[index], links[index].channel, text);
    });
    for (std::size_t index = 0; index < kLinks; ++index) {
      SCOPED_TRACE(index);
      if (sent[index] == Backend::kUnderWay) {
        run_until([&] { return senders[index]->ended(); });
        sent[index] = senders[index]->last_end();
      }
      EXPECT_EQ(sent[index], 50);
      links[index].peer.receive();
      EXPECT_EQ(links[index].peer.received, text);
    }
  }
}

TEST_P(SeamMoving, lent_bytes_that_were_being_sent_stay_as_they_are_until_that_is_told) {
  for (const bool it_ends : kBoth) {
    SCOPED_TRACE(it_ends);
    Link link = this->link();
    Link noise = this->link();
    auto& receiver = make<Receiver>();
    auto& other = make<Receiver>();
    auto& sender = make<Sender>();
    BytesView lent;
    std::string left;
    receiver.on_delivery = [&](BytesView bytes) {
      lent = bytes;
      const std::ptrdiff_t result = send(sender, link.channel, bytes);
      if (result >= 0 && result != Backend::kUnderWay) lent = lent.drop(static_cast<std::size_t>(result));
    };
    sender.on_completed = [&](int result) {
      lent = lent.drop(static_cast<std::size_t>(std::max(result, 0)));
      left.assign(reinterpret_cast<const char*>(lent.data()), lent.size());
    };
    elsewhere(it_ends, [&] {
      start(receiver, link.channel);
      turn();
      link.peer.send("sixteen bytes !!");
      for (int round = 0; round < 100 && receiver.bytes.empty(); ++round) turn(20ms);
    });
    start(other, noise.channel);
    noise.peer.send("something else, over it");
    run_until([&] { return sender.ended(); });
    run_until([&] { return other.bytes.size() == 23; });
    run_until_quiet();
    link.peer.receive();
    EXPECT_EQ(link.peer.received + left, "sixteen bytes !!");
  }
}

TEST_P(SeamMoving, what_was_parked_comes_after_resume) {
  for (const bool it_ends : kBoth) {
    SCOPED_TRACE(it_ends);
    Link link = this->link();
    auto& receiver = make<Receiver>();
    elsewhere(it_ends, [&] {
      start(receiver, link.channel);
      turns(2);
      hold(receiver);
      link.peer.send("parked");
      run_until_quiet();
      link.peer.close();
    });
    turns(3);
    EXPECT_EQ(receiver.bytes, "");
    resume(receiver);
    run_until([&] { return receiver.ended(); });
    EXPECT_EQ(receiver.bytes, "parked");
    EXPECT_EQ(receiver.last_end(), 0);
  }
}

TEST_P(SeamMoving, waiting_for_room_goes_on) {
  for (const bool it_ends : kBoth) {
    SCOPED_TRACE(it_ends);
    Link link = this->link();
    auto& sender = make<Sender>();
    sender.rest = "the rest";
    std::size_t filled = 0;
    elsewhere(it_ends, [&] {
      filled = fill(link.channel);
      start(sender, link.channel);
      turns(2);
    });
    turns(2);
    EXPECT_FALSE(sender.ended());
    expect_no_spin();
    EXPECT_TRUE(link.peer.has(filled));
    run_until([&] { return sender.ended(); });
    EXPECT_EQ(sender.last_end(), 8);
  }
}

TEST_P(SeamMoving, accepting_goes_on_with_those_that_waited) {
  for (const bool it_ends : kBoth) {
    SCOPED_TRACE(it_ends);
    Listener listener = tcp_listener();
    const ChannelId channel = attach(std::move(listener.descriptor));
    auto& acceptor = make<Acceptor>();
    std::vector<OwnedFileDescriptor> clients;
    elsewhere(it_ends, [&] {
      start(acceptor, channel);
      turns(2);
      for (int client = 0; client < 5; ++client) clients.push_back(connecting_to(listener.address));
      backend().wait(100ms, Duration::zero());
    });
    clients.push_back(connecting_to(listener.address));
    run_until([&] { return acceptor.connections.size() == 6; });
    cancel(acceptor);
    backend().tell_done();
  }
}

TEST_P(SeamMoving, a_poll_goes_on) {
  for (const bool it_ends : kBoth) {
    SCOPED_TRACE(it_ends);
    SocketPair pair = unix_pair();
    RawPeer peer(std::move(pair.theirs));
    auto& readable = make<Poller>();
    auto& writable = make<Poller>();
    elsewhere(it_ends, [&] {
      start(readable, pair.ours.get(), Readiness::readable);
      start(writable, pair.ours.get(), Readiness::writable);
      turns(2);
    });
    writable.times = 0;
    run_until([&] { return writable.times > 2; });
    EXPECT_EQ(readable.times, 0);
    peer.send("look");
    run_until([&] { return readable.times > 2; });
    cancel(readable);
    cancel(writable);
    backend().tell_done();
  }
}

// --- connecting ----------------------------------------------------------------------------------

TEST_P(SeamMoving, a_connect_ends_as_the_network_says_and_not_before) {
  for (const bool it_ends : kBoth) {
    for (const bool waited : kBoth) {
      SCOPED_TRACE(it_ends);
      SCOPED_TRACE(waited);
      // One that succeeds, one that is refused, and one that is still waiting (for a listener whose queue is
      // full).
      const Listener listener = tcp_listener();
      net::SocketAddress nobody = tcp_listener().address;
      const FullListener full;
      std::array<Connector*, 3> connectors{&make<Connector>(), &make<Connector>(), &make<Connector>()};
      connectors[0]->where = listener.address;
      connectors[1]->where = nobody;
      connectors[2]->where = full.address();
      started_elsewhere(it_ends, [&] {
        for (Connector* connector : connectors) start(*connector, attach(tcp_socket()));
        if (waited) turn();
      });
      run_until([&] { return connectors[0]->ended() && connectors[1]->ended(); });
      EXPECT_EQ(connectors[0]->last_end(), 0);
      EXPECT_EQ(connectors[1]->last_end(), -ECONNREFUSED);
      run_until_quiet();
      EXPECT_FALSE(connectors[2]->ended()) << "connected to nobody";
      const auto begin = std::chrono::steady_clock::now();
      cancel(*connectors[2]);
      run_until([&] { return connectors[2]->ended(); });
      EXPECT_EQ(connectors[2]->last_end(), -ECANCELED);
      EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s);
    }
  }
}

TEST_P(SeamMoving, what_was_cancelled_before_does_not_wait_for_the_network) {
  for (const bool it_ends : kBoth) {
    SCOPED_TRACE(it_ends);
    const FullListener full;
    Link link = this->link();
    auto& connector = make<Connector>();
    auto& sender = make<Sender>();
    connector.where = full.address();
    std::string text = "perhaps";
    elsewhere(it_ends, [&] {
      start(connector, attach(tcp_socket()));
      turns(2);
      cancel(connector);
      if (send(sender, link.channel, text) == Backend::kUnderWay) cancel(sender);
    });
    const auto begin = std::chrono::steady_clock::now();
    backend().settle();
    EXPECT_TRUE(connector.ended());
    EXPECT_TRUE(sender.ended());
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s);
  }
}

TEST_P(SeamMoving, what_had_arrived_comes_before_what_a_drain_receives) {
  for (const bool it_ends : kBoth) {
    SCOPED_TRACE(it_ends);
    Link link = this->link();
    auto& receiver = make<Receiver>();
    elsewhere(it_ends, [&] {
      start(receiver, link.channel);
      turns(2);
      link.peer.send("first ");
      backend().wait(100ms, Duration::zero());  // arrived, and not dispatched
    });
    link.peer.send("second");
    drain(receiver);
    run_until([&] { return receiver.ended(); });
    EXPECT_EQ(receiver.bytes, "first second");
    EXPECT_EQ(receiver.last_end(), -EAGAIN);
  }
}

INSTANTIATE_TEST_SUITE_P(Seam, SeamMoving, ::testing::ValuesIn(grounds()), name_of);

}  // namespace
}  // namespace tidegate::kernel::testing
