// Connecting (C3), and sockets that are connected already (C4), over real sockets of this machine.
#include <tidegate/tidegate.hpp>

#include "contract/loop_rig.hpp"
#include "loop/loop_core.hpp"
#include "transport/address_race.hpp"

#include <cerrno>
#include <random>
#include <string>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>

namespace tidegate {
namespace {

using namespace std::chrono_literals;
using loop_rig::Echo;
using loop_rig::open_descriptors;
using loop_rig::raw_connect;
using loop_rig::raw_receive_now;
using loop_rig::raw_send;
using loop_rig::Recorder;
using loop_rig::Recorders;
using testing::ElementsAre;
using testing::HasSubstr;

auto echo() {
  return [] { return std::make_unique<Echo>(); };
}

Endpoint numeric(std::string_view host, Port port = 0) { return *Endpoint::from_numeric_host(host, port); }

/// A listening socket that nobody accepts from.
class Listener {
 public:
  explicit Listener(std::string_view host, int backlog = 16, Port port = 0)
      : socket_(Socket::stream(AddressFamily::ipv4)) {
    socket_.view().set_option(SOL_SOCKET, SO_REUSEADDR, 1);
    socket_.bind(numeric(host, port));
    socket_.listen(backlog);
  }
  [[nodiscard]] Endpoint endpoint() const { return socket_.view().local_endpoint(); }
  [[nodiscard]] OwnedFileDescriptor accept() const {
    return OwnedFileDescriptor(
        FileDescriptor{::accept4(socket_.descriptor().number, nullptr, nullptr, SOCK_CLOEXEC)});
  }

 private:
  Socket socket_;
};

/// A listener whose queue is full: who connects now gets no answer, as from an address behind a broken route.
class BlackHole {
 public:
  explicit BlackHole(std::string_view host, Port port = 0) : listener_(host, 1, port) {
    for (;;) {
      const net::SocketAddress address = net::to_sockaddr(listener_.endpoint());
      OwnedFileDescriptor client(
          FileDescriptor{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)});
      static_cast<void>(::connect(client.get().number, address.get(), address.length));
      const bool answered = loop_rig::wait_ready(client.get(), POLLOUT, 30);
      clients_.push_back(std::move(client));
      if (!answered) break;
    }
  }
  [[nodiscard]] Endpoint endpoint() const { return listener_.endpoint(); }
  /// Makes room: those who wait are answered when they ask again.
  void open() {
    clients_.pop_back();  // the one that got no answer
    for (std::size_t count = clients_.size(); count > 0; --count) accepted_.push_back(listener_.accept());
  }

 private:
  Listener listener_;
  std::vector<OwnedFileDescriptor> clients_;
  std::vector<OwnedFileDescriptor> accepted_;
};

/// An address where nobody listens.
Endpoint refusing(std::string_view host) {
  const Listener listener(host);
  return listener.endpoint();
}

/// No name resolves to the addresses that a test needs, so the race between them is entered below the
/// resolver.
transport::RaceTerms terms(std::vector<Endpoint> endpoints, std::optional<Duration> stagger = std::nullopt,
                           std::vector<Endpoint> local_endpoints = {}) {
  return {.target = "the-test:1",
          .endpoints = std::move(endpoints),
          .local_endpoints = std::move(local_endpoints),
          .stagger = stagger};
}

class Connect_C3 : public loop_rig::LoopTest {
 protected:
  /// What create_connection does once the addresses are known.
  Task<transport::Connected> racing(transport::RaceTerms terms) {
    return transport::connect_to_first(loop().core(), std::move(terms));
  }
  transport::Connected race(transport::RaceTerms terms) { return run(racing(std::move(terms))); }

  Recorders recorders;
};

// --- the ordinary case -------------------------------------------------------------------------------------

TEST_F(Connect_C3, connection_made_has_been_called_when_the_call_returns) {
  const Listener listener("127.0.0.1");
  std::vector<std::string> order;
  auto recorder = std::make_shared<Recorder>();
  recorder->on_made = [&](Recorder&) { order.emplace_back("connection_made"); };
  auto make = [&] {
    order.emplace_back("factory");
    return recorder;
  };
  auto connecting = [&]() -> Task<> {
    auto connection = co_await loop().create_connection(make, "127.0.0.1", listener.endpoint().port());
    order.emplace_back("returned");
    EXPECT_EQ(connection.protocol, recorder);
    EXPECT_EQ(connection.transport, recorder->transport);
    EXPECT_EQ(connection.transport->peername(), listener.endpoint());
    connection.transport->abort();
  };
  run(connecting());
  turns(2);
  EXPECT_THAT(order, ElementsAre("factory", "connection_made", "returned"));  // L1
  EXPECT_THAT(recorder->calls, ElementsAre("made", "lost"));
}

TEST_F(Connect_C3, data_that_the_other_end_sent_first_arrives) {
  const Listener listener("127.0.0.1");
  auto connection =
      run(loop().create_connection(recorders.factory(), "127.0.0.1", listener.endpoint().port()));
  const auto other = listener.accept();
  raw_send(other, "early");
  EXPECT_TRUE(run_until([&] { return connection.protocol->received == "early"; }));
  connection.transport->write("answer");
  std::string answer;
  EXPECT_TRUE(run_until([&] { return (answer += raw_receive_now(other)) == "answer"; }));
  connection.transport->abort();
  turns(2);
}

TEST_F(Connect_C3, a_name_is_resolved_and_its_addresses_are_tried_in_order) {
  const Listener listener("127.0.0.1");
  auto connection = run(loop().create_connection(echo(), "localhost", listener.endpoint().port()));
  EXPECT_EQ(connection.transport->peername(), listener.endpoint());
  connection.transport->abort();
  turns(2);
}

TEST_F(Connect_C3, the_arguments_may_be_gone_when_the_call_is_awaited) {
  const Listener listener("127.0.0.1");
  auto host = std::make_unique<std::string>("127.0.0.1");
  auto local = std::make_unique<std::string>("127.0.0.3");
  auto options = std::make_unique<ConnectOptions>(ConnectOptions{.local_host = *local});
  auto connecting = loop().create_connection(echo(), *host, listener.endpoint().port(), *options);
  host.reset();
  local.reset();
  options.reset();
  auto connection = run(std::move(connecting));
  EXPECT_EQ(connection.transport->sockname().host(), "127.0.0.3");
  connection.transport->abort();
  turns(2);
}

TEST_F(Connect_C3, a_local_address_and_port_are_bound) {
  const Listener listener("127.0.0.1");
  const Port free_port = refusing("127.0.0.4").port();
  auto connection = run(loop().create_connection(echo(), "127.0.0.1", listener.endpoint().port(),
                                                 {.local_host = "127.0.0.4", .local_port = free_port}));
  EXPECT_EQ(connection.transport->sockname(), numeric("127.0.0.4", free_port));
  connection.transport->abort();
  turns(2);
}

TEST_F(Connect_C3, a_local_address_that_is_not_ours_fails_with_its_error_and_leaks_nothing) {
  const Listener listener("127.0.0.1");
  const auto before = open_descriptors();
  try {
    static_cast<void>(run(loop().create_connection(echo(), "127.0.0.1", listener.endpoint().port(),
                                                   {.local_host = "192.0.2.1"})));  // TEST-NET-1
    ADD_FAILURE() << "it was bound";
  } catch (const OsError& error) {
    EXPECT_EQ(error.code(), std::errc::address_not_available);
  }
  turns(3);
  EXPECT_EQ(open_descriptors(), before);
}

TEST_F(Connect_C3, a_local_address_of_another_family_fails_and_is_told) {
  const Listener listener("127.0.0.1");
  EXPECT_THROW(static_cast<void>(run(loop().create_connection(echo(), "127.0.0.1", listener.endpoint().port(),
                                                              {.local_host = "::1"}))),
               OsError);
  turns(3);
}

TEST_F(Connect_C3, wrong_arguments_are_refused) {
  EXPECT_THROW(static_cast<void>(run(loop().create_connection(echo(), "", 80))), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(
                   run(loop().create_connection(echo(), "127.0.0.1", 80, {.happy_eyeballs_delay = -1ms}))),
               std::invalid_argument);
  EXPECT_THROW(static_cast<void>(run(loop().create_connection(echo(), "127.0.0.1", 70'000))),
               std::invalid_argument);
}

// --- failing -----------------------------------------------------------------------------------------------

TEST_F(Connect_C3, the_error_of_a_refused_connection_names_the_address) {
  const Endpoint nobody = refusing("127.0.0.1");
  const auto before = open_descriptors();
  bool made = false;
  auto factory = [&] {
    made = true;
    return std::make_unique<Echo>();
  };
  try {
    static_cast<void>(run(loop().create_connection(factory, "127.0.0.1", nobody.port())));
    ADD_FAILURE() << "it was connected";
  } catch (const ConnectError& error) {
    EXPECT_EQ(error.code(), std::errc::connection_refused);
    EXPECT_THAT(error.what(), HasSubstr(nobody.to_string()));
    ASSERT_EQ(error.attempts().size(), 1U);
    EXPECT_EQ(error.attempts()[0].endpoint, nobody);
  }
  EXPECT_FALSE(made) << "the factory is called after connecting";
  turns(3);
  EXPECT_EQ(open_descriptors(), before);
}

TEST_F(Connect_C3, the_error_names_every_address_that_was_tried) {
  const std::vector<Endpoint> nobody{refusing("127.0.0.1"), refusing("127.0.0.2"), refusing("127.0.0.3")};
  for (const std::optional<Duration> stagger : {std::optional<Duration>(), std::optional<Duration>(1ms)}) {
    try {
      static_cast<void>(race(terms(nobody, stagger)));
      ADD_FAILURE() << "it was connected";
    } catch (const ConnectError& error) {
      ASSERT_EQ(error.attempts().size(), 3U);
      for (std::size_t place = 0; place < 3; ++place) {
        EXPECT_EQ(error.attempts()[place].endpoint, nobody[place]);
        EXPECT_EQ(error.attempts()[place].code, std::errc::connection_refused);
        EXPECT_THAT(error.what(), HasSubstr(nobody[place].to_string()));
      }
    }
    turns(3);
  }
}

TEST_F(Connect_C3, a_factory_that_throws_or_returns_nothing_fails_the_call_and_closes_the_descriptor) {
  const Listener listener("127.0.0.1");
  const Port port = listener.endpoint().port();
  const auto before = open_descriptors();
  auto throwing = []() -> std::unique_ptr<Echo> { throw std::runtime_error("no protocol today"); };
  EXPECT_EQ(loop_rig::thrown_text<std::runtime_error>(
                [&] { static_cast<void>(run(loop().create_connection(throwing, "127.0.0.1", port))); }),
            "no protocol today");
  auto nothing = []() -> std::unique_ptr<Echo> { return nullptr; };
  EXPECT_THROW(static_cast<void>(run(loop().create_connection(nothing, "127.0.0.1", port))),
               std::invalid_argument);
  turns(3);
  EXPECT_EQ(open_descriptors(), before);
}

// --- several addresses -------------------------------------------------------------------------------------

TEST_F(Connect_C3, addresses_are_tried_in_order_and_the_first_that_answers_is_taken) {
  const Listener first("127.0.0.2");
  const Listener second("127.0.0.3");
  const transport::Connected connected =
      race(terms({refusing("127.0.0.1"), first.endpoint(), second.endpoint()}));
  EXPECT_EQ(connected.peer, first.endpoint());
}

TEST_F(Connect_C3, a_failure_brings_the_next_address_forward_without_waiting_for_the_delay) {
  const Listener listener("127.0.0.2");
  const TimePoint begin = loop().time();
  const transport::Connected connected = race(terms({refusing("127.0.0.1"), listener.endpoint()}, 30s));
  EXPECT_EQ(connected.peer, listener.endpoint());
  EXPECT_LT(loop().time() - begin, 10s);
}

TEST_F(Connect_C3, a_second_address_is_tried_beside_a_slow_one_after_the_delay) {
  const BlackHole slow("127.0.0.1");
  const Listener fast("127.0.0.2");
  const auto before = open_descriptors();
  const TimePoint begin = loop().time();
  {
    const transport::Connected connected = race(terms({slow.endpoint(), fast.endpoint()}, 20ms));
    EXPECT_EQ(connected.peer, fast.endpoint());
    EXPECT_GE(loop().time() - begin, 20ms) << "the second began early";
  }
  turns(3);
  EXPECT_EQ(open_descriptors(), before) << "the slow attempt is closed when the race is over";
}

TEST_F(Connect_C3, without_a_delay_a_slow_address_is_waited_for) {
  const BlackHole slow("127.0.0.1");
  const Listener fast("127.0.0.2");
  auto connecting = loop().create_task(racing(terms({slow.endpoint(), fast.endpoint()})));
  EXPECT_FALSE(run_until([&] { return connecting.done(); }, 100ms));
  connecting.cancel();
  EXPECT_TRUE(run_until([&] { return connecting.done(); }));
  turns(3);
}

TEST_F(Connect_C3, a_slow_attempt_is_not_given_up_and_wins_when_it_answers) {
  // Only the slow address ever answers: first one that takes longer than the delay, then one that refuses.
  BlackHole slow("127.0.0.1");
  auto connecting = loop().create_task(racing(terms({slow.endpoint(), refusing("127.0.0.2")}, 10ms)));
  EXPECT_FALSE(run_until([&] { return connecting.done(); }, 100ms)) << "the refusal must not end the race";
  slow.open();
  ASSERT_TRUE(run_until([&] { return connecting.done(); })) << "the kernel asks again after a second";
  EXPECT_EQ(std::move(connecting).result().peer, slow.endpoint());
}

TEST_F(Connect_C3, everything_slow_is_tried_at_once_in_the_end) {
  const BlackHole first("127.0.0.1");
  const BlackHole second("127.0.0.2");
  const Listener third("127.0.0.3");
  const TimePoint begin = loop().time();
  const transport::Connected connected =
      race(terms({first.endpoint(), second.endpoint(), third.endpoint()}, 10ms));
  EXPECT_EQ(connected.peer, third.endpoint());
  EXPECT_GE(loop().time() - begin, 20ms);
}

TEST_F(Connect_C3, a_delay_of_zero_tries_all_addresses_at_once) {
  const BlackHole slow("127.0.0.1");
  const Listener fast("127.0.0.2");
  EXPECT_EQ(race(terms({slow.endpoint(), fast.endpoint()}, 0ms)).peer, fast.endpoint());
  turns(3);
}

TEST_F(Connect_C3, only_one_of_several_that_answer_is_kept) {
  std::vector<std::unique_ptr<Listener>> listeners;
  std::vector<Endpoint> endpoints;
  for (int last = 1; last <= 8; ++last) {
    listeners.push_back(std::make_unique<Listener>("127.0.0." + std::to_string(last), 64));  // nobody accepts
    endpoints.push_back(listeners.back()->endpoint());
  }
  const auto before = open_descriptors();
  for (int round = 0; round < 20; ++round) {
    const transport::Connected connected = race(terms(endpoints, 0ms));
    EXPECT_TRUE(connected.channel.valid());
    turns(3);
    EXPECT_EQ(open_descriptors().size(), before.size() + 1);
  }
}

TEST_F(Connect_C3, the_local_address_of_the_same_family_is_chosen_for_each_attempt) {
  const Listener listener("127.0.0.1");
  const transport::Connected connected =
      race(terms({listener.endpoint()}, std::nullopt, {numeric("::1"), numeric("127.0.0.5")}));
  EXPECT_EQ(SocketView(loop().core().backend().descriptor(connected.channel.get())).local_endpoint().host(),
            "127.0.0.5");
}

// --- cancelling --------------------------------------------------------------------------------------------

TEST_F(Connect_C3, cancelling_closes_every_descriptor_whatever_the_moment) {
  const Listener listener("127.0.0.1", 512);  // room for every connection of this test: nobody accepts them
  const BlackHole slow("127.0.0.2", listener.endpoint().port());
  std::mt19937 random(20'260'101);
  const auto before = open_descriptors();
  for (int round = 0; round < 200; ++round) {
    SCOPED_TRACE(round);
    const char* host = round % 3 == 0 ? "127.0.0.2" : round % 3 == 1 ? "127.0.0.1" : "localhost";
    ConnectOptions options;
    options.family = AddressFamily::ipv4;
    if (round % 2 == 0) options.happy_eyeballs_delay = 0ms;
    if (round % 5 == 0) options.local_host = "127.0.0.7";
    auto recorder = std::make_shared<Recorder>();
    auto make = [&] { return recorder; };
    auto connecting =
        loop().create_task(loop().create_connection(make, host, listener.endpoint().port(), options));
    turns(static_cast<int>(random() % 12));
    connecting.cancel();
    ASSERT_TRUE(run_until([&] { return connecting.done(); }));
    if (!connecting.cancelled()) std::move(connecting).result().transport->abort();
    ASSERT_TRUE(run_until([&] { return open_descriptors() == before; }, 2s)) << "a descriptor is left";
    const auto& calls = recorder->calls;
    ASSERT_TRUE(calls.empty() || calls == (std::vector<std::string>{"made", "lost"}))
        << "both or neither (L2)";
  }
}

TEST_F(Connect_C3, a_race_that_is_cancelled_closes_all_its_attempts) {
  const BlackHole first("127.0.0.1");
  const BlackHole second("127.0.0.2");
  const BlackHole third("127.0.0.3");
  const auto before = open_descriptors();
  auto connecting =
      loop().create_task(racing(terms({first.endpoint(), second.endpoint(), third.endpoint()}, 1ms)));
  EXPECT_TRUE(run_until([&] { return open_descriptors().size() == before.size() + 3; }));
  connecting.cancel();
  EXPECT_TRUE(run_until([&] { return connecting.done(); }));
  EXPECT_TRUE(connecting.cancelled());
  EXPECT_TRUE(run_until([&] { return open_descriptors() == before; }, 2s));
}

TEST_F(Connect_C3, closing_the_loop_while_connecting_leaves_nothing_open) {
  const BlackHole slow("127.0.0.1");
  const auto before = open_descriptors();
  {
    Loop other;
    keep_reports(other);
    auto connecting = other.create_task(
        other.create_connection(echo(), "127.0.0.1", slow.endpoint().port(), {.happy_eyeballs_delay = 1ms}));
    for (int count = 0; count < 5; ++count) {
      other.stop();
      other.run_forever();
    }
    other.close();
  }
  EXPECT_EQ(open_descriptors(), before);
  EXPECT_THAT(take_reports().at(0).message, HasSubstr("Task was destroyed but it is pending"));
}

TEST_F(Connect_C3, a_deadline_can_be_set_from_outside) {
  const BlackHole slow("127.0.0.1");
  const auto before = open_descriptors();
  EXPECT_THROW(static_cast<void>(run(
                   wait_for(loop().create_connection(echo(), "127.0.0.1", slow.endpoint().port()), 20ms))),
               TimeoutError);
  EXPECT_TRUE(run_until([&] { return open_descriptors() == before; }, 2s));
}

// --- existing sockets --------------------------------------------------------------------------------------

class ExistingSocket_C4 : public loop_rig::LoopTest {
 protected:
  Recorders recorders;
};

TEST_F(ExistingSocket_C4, a_connected_socket_becomes_a_transport) {
  auto [own, other] = Socket::pair();
  auto connection = run(loop().create_connection(recorders.factory(), std::move(own)));
  EXPECT_FALSE(own.valid());  // NOLINT(bugprone-use-after-move): it was taken over
  EXPECT_THAT(connection.protocol->calls, ElementsAre("made"));
  ASSERT_EQ(::send(other.descriptor().number, "hi", 2, 0), 2);
  EXPECT_TRUE(run_until([&] { return connection.protocol->received == "hi"; }));
  other.close();
  EXPECT_TRUE(run_until([&] { return connection.protocol->lost; }));
}

TEST_F(ExistingSocket_C4, an_accepted_socket_becomes_a_transport) {
  const Listener listener("127.0.0.1");
  const auto client = raw_connect(listener.endpoint());
  Socket accepted(listener.accept());
  auto connection = run(loop().connect_accepted_socket(recorders.factory(), std::move(accepted)));
  EXPECT_THAT(connection.protocol->calls, ElementsAre("made"));
  EXPECT_EQ(connection.transport->sockname(), listener.endpoint());
  EXPECT_EQ(connection.transport->peername(), SocketView(client.get()).local_endpoint());
  raw_send(client, "hello");
  EXPECT_TRUE(run_until([&] { return connection.protocol->received == "hello"; }));
  connection.transport->abort();
  turns(2);
}

TEST_F(ExistingSocket_C4, what_is_no_stream_socket_is_refused_and_closed) {
  const auto before = open_descriptors();
  Socket datagram(OwnedFileDescriptor(FileDescriptor{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)}));
  EXPECT_THROW(static_cast<void>(run(loop().create_connection(echo(), std::move(datagram)))),
               std::invalid_argument);
  {
    auto [reader, writer] = loop_rig::make_pipe();
    Socket pipe(std::move(reader));
    EXPECT_THROW(static_cast<void>(run(loop().connect_accepted_socket(echo(), std::move(pipe)))),
                 std::invalid_argument);
  }
  Socket nothing;
  EXPECT_THROW(static_cast<void>(run(loop().create_connection(echo(), std::move(nothing)))),
               std::invalid_argument);
  turns(2);
  EXPECT_EQ(open_descriptors(), before);
}

TEST_F(ExistingSocket_C4, a_socket_that_is_not_connected_is_refused_and_closed) {
  const auto before = open_descriptors();
  Socket unconnected = Socket::stream(AddressFamily::ipv4);
  EXPECT_THROW(static_cast<void>(run(loop().create_connection(echo(), std::move(unconnected)))), OsError);
  turns(2);
  EXPECT_EQ(open_descriptors(), before);
}

TEST_F(ExistingSocket_C4, cancelling_before_it_is_a_transport_closes_it) {
  for (int rounds = 0; rounds < 4; ++rounds) {
    auto [own, other] = Socket::pair();
    auto recorder = std::make_shared<Recorder>();
    auto make = [&] { return recorder; };
    auto connecting = loop().create_task(loop().create_connection(make, std::move(own)));
    turns(rounds);
    connecting.cancel();
    ASSERT_TRUE(run_until([&] { return connecting.done(); }));
    if (!connecting.cancelled()) std::move(connecting).result().transport->abort();
    turns(3);
    char byte = 0;
    EXPECT_EQ(::recv(other.descriptor().number, &byte, 1, MSG_DONTWAIT), 0)
        << "closed, after " << rounds << " rounds";
    EXPECT_TRUE(recorder->calls.empty() || recorder->calls == (std::vector<std::string>{"made", "lost"}));
  }
}

}  // namespace
}  // namespace tidegate
