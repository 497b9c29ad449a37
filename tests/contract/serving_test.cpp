// Serving (C1): starting, closing, waiting for the end, and factories that fail, over real sockets.
#include <tidegate/tidegate.hpp>

#include "contract/server_rig.hpp"

#include <cerrno>
#include <string>
#include <vector>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

namespace tidegate {
namespace {

using namespace std::chrono_literals;
using loop_rig::Echo;
using loop_rig::raw_connect;
using loop_rig::raw_receive_now;
using loop_rig::raw_send;
using loop_rig::Recorder;
using loop_rig::Recorders;
using loop_rig::wait_ready;
using testing::ElementsAre;
using testing::HasSubstr;

class Serving_C1 : public loop_rig::ServerTest {};

// --- serving -----------------------------------------------------------------------------------------------

TEST_F(Serving_C1, without_start_serving_it_is_bound_but_refuses_connections) {
  Server server = serve({.start_serving = false});
  EXPECT_FALSE(server.is_serving());
  ASSERT_EQ(server.sockets().size(), 1U);
  EXPECT_FALSE(raw_connect(server.endpoints()[0]).valid());
  EXPECT_EQ(errno, ECONNREFUSED);
  server.start_serving();
  server.start_serving();
  EXPECT_TRUE(server.is_serving());
  const auto client = raw_connect(server.endpoints()[0]);
  EXPECT_TRUE(run_until([&] { return recorders.made_count() == 1; }));
  end(server);
  EXPECT_THROW(server.start_serving(), InvalidStateError);
}

TEST_F(Serving_C1, an_address_that_is_taken_when_serving_starts_is_named_by_the_error) {
  // With SO_REUSEADDR two sockets may be bound to one address as long as only one of them listens.
  Server first = serve({.start_serving = false});
  const Endpoint endpoint = first.endpoints()[0];
  Server second =
      run(loop().create_server(recorders.factory(), "127.0.0.1", endpoint.port(), {.start_serving = false}));
  first.start_serving();
  EXPECT_THAT(loop_rig::thrown_text<OsError>([&] { second.start_serving(); }),
              HasSubstr(endpoint.to_string()));
  EXPECT_FALSE(second.is_serving());
  EXPECT_THAT(loop_rig::thrown_text<OsError>([&] { run(second.serve_forever()); }),
              HasSubstr(endpoint.to_string()));
  const auto client = raw_connect(endpoint);
  EXPECT_TRUE(run_until([&] { return recorders.made_count() == 1; }));
  end(first);
  second.start_serving();
  EXPECT_TRUE(second.is_serving());
  end(second);
}

TEST_F(Serving_C1, serve_forever_starts_serving_and_ends_when_its_task_is_cancelled) {
  Server server = serve({.start_serving = false});
  const Endpoint endpoint = server.endpoints()[0];
  auto serving = loop().create_task(server.serve_forever());
  EXPECT_TRUE(run_until([&] { return server.is_serving(); }));
  const auto client = raw_connect(endpoint);
  EXPECT_TRUE(run_until([&] { return recorders.made_count() == 1; }));

  serving.cancel();
  EXPECT_TRUE(run_until([&] { return !server.is_serving(); }));
  EXPECT_TRUE(server.sockets().empty());
  EXPECT_FALSE(raw_connect(endpoint).valid());
  turns(5);
  EXPECT_FALSE(serving.done()) << "it waits for its connections";
  EXPECT_FALSE(recorders.all[0]->lost);
  server.close_clients();
  EXPECT_TRUE(run_until([&] { return serving.done(); }));
  EXPECT_TRUE(serving.cancelled());
  EXPECT_TRUE(recorders.all[0]->lost);
}

TEST_F(Serving_C1, serve_forever_can_be_awaited_once_at_a_time) {
  Server server = serve();
  auto serving = loop().create_task(server.serve_forever());
  turns(2);
  EXPECT_THAT(loop_rig::thrown_text<InvalidStateError>([&] { run(server.serve_forever()); }),
              HasSubstr("already being awaited"));
  EXPECT_TRUE(server.is_serving());
  EXPECT_FALSE(serving.done());
  serving.cancel();
  EXPECT_TRUE(run_until([&] { return serving.done(); }));
  EXPECT_THAT(loop_rig::thrown_text<InvalidStateError>([&] { run(server.serve_forever()); }),
              HasSubstr("closed"));
}

TEST_F(Serving_C1, two_serve_forevers_that_were_made_before_either_ran_do_not_both_run) {
  Server server = serve();
  auto first = loop().create_task(server.serve_forever());
  auto second = loop().create_task(server.serve_forever());
  turns(3);
  EXPECT_FALSE(first.done());
  ASSERT_TRUE(second.done());
  EXPECT_THROW(std::rethrow_exception(second.exception()), InvalidStateError);
  first.cancel();
  EXPECT_TRUE(run_until([&] { return first.done(); }));
}

TEST_F(Serving_C1, closing_ends_serve_forever_as_asyncio_does) {
  Server server = serve();
  auto serving = loop().create_task(server.serve_forever());
  turns(2);
  server.close();
  EXPECT_TRUE(run_until([&] { return serving.done(); }));
  EXPECT_TRUE(serving.cancelled());
}

TEST_F(Serving_C1, close_stops_accepting_and_leaves_connections) {
  Server server = serve();
  const Endpoint endpoint = server.endpoints()[0];
  const auto client = raw_connect(endpoint);
  ASSERT_TRUE(run_until([&] { return recorders.made_count() == 1; }));
  server.close();
  server.close();
  EXPECT_FALSE(server.is_serving());
  EXPECT_TRUE(server.sockets().empty());
  EXPECT_TRUE(server.endpoints().empty());
  turns(2);
  EXPECT_FALSE(raw_connect(endpoint).valid());
  raw_send(client, "still there");
  EXPECT_TRUE(run_until([&] { return recorders.all[0]->received == "still there"; }));
  recorders.all[0]->transport->write("yes");
  std::string answer;
  EXPECT_TRUE(run_until([&] { return (answer += raw_receive_now(client)) == "yes"; }));
  server.abort_clients();
  run(server.wait_closed());
}

TEST_F(Serving_C1, closing_from_inside_callbacks_of_its_connections_is_safe) {
  Server server;
  recorders.on_made = [&](Recorder&) { server.close(); };
  recorders.on_data = [&](Recorder& recorder) {
    server.close();
    server.abort_clients();
    EXPECT_TRUE(recorder.transport->is_closing());
  };
  server = serve();
  const auto first = raw_connect(server.endpoints()[0]);
  const auto second = raw_connect(server.endpoints()[0]);
  raw_send(first, "x");
  EXPECT_TRUE(
      run_until([&] { return recorders.lost_count() == recorders.all.size() && !recorders.all.empty(); }));
  run(server.wait_closed());
}

TEST_F(Serving_C1, close_clients_flushes_and_abort_clients_drops) {
  Server server = serve();
  const auto flushed = raw_connect(server.endpoints()[0]);
  ASSERT_TRUE(run_until([&] { return recorders.made_count() == 1; }));
  // How much the kernel takes depends on what other connections have taught it.
  const std::string large(4'000'000, 'l');
  std::size_t written = 0;
  while (recorders.all[0]->transport->get_write_buffer_size() == 0) {
    recorders.all[0]->transport->write(large);
    written += large.size();
  }
  server.close_clients();
  EXPECT_TRUE(recorders.all[0]->transport->is_closing());
  turns(3);
  EXPECT_FALSE(recorders.all[0]->lost) << "there is something to flush";
  std::size_t arrived = 0;
  bool ended = false;
  EXPECT_TRUE(run_until([&] {
    const std::string part = raw_receive_now(flushed);
    ended = ended || part == "<eof>";
    if (part != "<eof>") arrived += part.size();
    return ended;
  }));
  EXPECT_EQ(arrived, written);

  const auto dropped = raw_connect(server.endpoints()[0]);
  ASSERT_TRUE(run_until([&] { return recorders.made_count() == 2; }));
  recorders.all[1]->transport->write(large);
  server.abort_clients();
  EXPECT_TRUE(run_until([&] { return recorders.all[1]->lost; }));
  EXPECT_FALSE(recorders.all[1]->lost_reason);
  EXPECT_TRUE(server.is_serving()) << "only the connections were ended";
  end(server);
}

TEST_F(Serving_C1, clients_that_have_just_been_accepted_can_be_aborted) {
  Server server = serve();
  const auto client = raw_connect(server.endpoints()[0]);
  ASSERT_TRUE(run_until([&] { return !recorders.all.empty(); }));  // made, maybe not told yet
  server.abort_clients();
  server.close();
  run(server.wait_closed());
  const auto& calls = recorders.all[0]->calls;
  EXPECT_TRUE(calls.empty() || calls == (std::vector<std::string>{"made", "lost"})) << "both or neither (L2)";
}

TEST_F(Serving_C1, wait_closed_returns_at_once_when_all_is_over) {
  Server server = serve();
  server.close();
  auto waiting = loop().create_task(server.wait_closed());
  turns(2);
  EXPECT_TRUE(waiting.done());
}

TEST_F(Serving_C1, wait_closed_waits_for_the_close_and_for_every_connection) {
  Server server = serve();
  const auto first = raw_connect(server.endpoints()[0]);
  const auto second = raw_connect(server.endpoints()[0]);
  ASSERT_TRUE(run_until([&] { return recorders.made_count() == 2; }));
  auto waiting = loop().create_task(server.wait_closed());
  auto another = loop().create_task(server.wait_closed());
  turns(5);
  EXPECT_FALSE(waiting.done()) << "it is not closed";
  server.close();
  turns(5);
  EXPECT_FALSE(waiting.done()) << "two connections are open";
  recorders.all[0]->transport->abort();
  turns(5);
  EXPECT_FALSE(waiting.done()) << "one connection is open";
  recorders.all[1]->transport->abort();
  EXPECT_TRUE(run_until([&] { return waiting.done() && another.done(); }));
  EXPECT_TRUE(recorders.all[0]->lost);
  EXPECT_TRUE(recorders.all[1]->lost);
}

TEST_F(Serving_C1, a_server_without_connections_that_is_still_open_is_waited_for) {
  Server server = serve();
  auto waiting = loop().create_task(server.wait_closed());
  turns(5);
  EXPECT_FALSE(waiting.done());
  server.close();
  EXPECT_TRUE(run_until([&] { return waiting.done(); }));
}

TEST_F(Serving_C1, dropping_every_reference_does_not_close_it) {
  Server server = serve();
  const Endpoint endpoint = server.endpoints()[0];
  server = Server();
  const auto client = raw_connect(endpoint);
  EXPECT_TRUE(client.valid());
  EXPECT_TRUE(run_until([&] { return recorders.made_count() == 1; }));
  recorders.all[0]->transport->abort();
  turns(2);
}  // the loop ends it: LoopTest looks for descriptors

TEST_F(Serving_C1, what_it_holds_is_released_when_it_has_ended) {
  auto held = std::make_shared<int>(1);
  Server server;
  {
    auto factory = [held] { return std::make_unique<Echo>(); };
    server = run(loop().create_server(factory, "127.0.0.1", 0));
  }
  EXPECT_EQ(held.use_count(), 2);
  end(server);
  turns(2);
  server = Server();
  EXPECT_EQ(held.use_count(), 1);
}

TEST_F(Serving_C1, with_server_closes_it_however_the_body_ends) {
  Server server = serve();
  std::vector<std::string> seen;
  auto body = [&]() -> Task<int> {
    seen.emplace_back(server.is_serving() ? "serving" : "closed");
    co_return 5;
  };
  EXPECT_EQ(run(with_server(server, body)), 5);
  EXPECT_FALSE(server.is_serving());
  Server failing = serve();
  auto broken = [&]() -> Task<int> {
    throw std::runtime_error("body failed");
    co_return 0;
  };
  EXPECT_EQ(loop_rig::thrown_text<std::runtime_error>([&] { run(with_server(failing, broken)); }),
            "body failed");
  EXPECT_FALSE(failing.is_serving());
  EXPECT_THAT(seen, ElementsAre("serving"));
}

// --- factories that fail -----------------------------------------------------------------------------------

TEST_F(Serving_C1, a_factory_that_throws_is_reported_and_others_are_served) {
  int calls = 0;
  auto factory = [&]() -> std::shared_ptr<Recorder> {
    if (++calls == 1) throw std::runtime_error("no protocol today");
    recorders.all.push_back(std::make_shared<Recorder>());
    return recorders.all.back();
  };
  Server server = run(loop().create_server(factory, "127.0.0.1", 0));
  const auto first = raw_connect(server.endpoints()[0]);
  EXPECT_TRUE(run_until([&] { return report_count() == 1; }));
  const auto reports = take_reports();
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(describe(reports[0].exception), "no protocol today");
  EXPECT_TRUE(run_until([&] { return !raw_receive_now(first).empty(); }))
      << "the connection is not left hanging";
  const auto second = raw_connect(server.endpoints()[0]);
  EXPECT_TRUE(run_until([&] { return recorders.made_count() == 1; }));
  end(server);
}

TEST_F(Serving_C1, a_factory_that_returns_nothing_is_reported_and_others_are_served) {
  int calls = 0;
  auto factory = [&]() -> std::shared_ptr<Recorder> {
    if (++calls == 1) return nullptr;
    recorders.all.push_back(std::make_shared<Recorder>());
    return recorders.all.back();
  };
  Server server = run(loop().create_server(factory, "127.0.0.1", 0));
  const auto first = raw_connect(server.endpoints()[0]);
  EXPECT_TRUE(run_until([&] { return report_count() == 1; }));
  EXPECT_THAT(describe(take_reports().at(0).exception), HasSubstr("null"));
  EXPECT_TRUE(run_until([&] { return !raw_receive_now(first).empty(); }));
  const auto second = raw_connect(server.endpoints()[0]);
  EXPECT_TRUE(run_until([&] { return recorders.made_count() == 1; }));
  end(server);
}

TEST_F(Serving_C1, a_factory_may_close_the_server) {
  Server server;
  auto held = std::make_shared<std::string>("alive");
  std::string seen;
  auto factory = [&, held] {
    server.close();
    seen = *held;  // what it captured outlasts the call
    recorders.all.push_back(std::make_shared<Recorder>());
    return recorders.all.back();
  };
  server = run(loop().create_server(factory, "127.0.0.1", 0));
  const auto client = raw_connect(server.endpoints()[0]);
  EXPECT_TRUE(run_until([&] { return !seen.empty(); }));
  EXPECT_EQ(seen, "alive");
  turns(3);
  server.abort_clients();
  run(server.wait_closed());
  const auto& calls = recorders.all.at(0)->calls;
  EXPECT_TRUE(calls.empty() || calls == (std::vector<std::string>{"made", "lost"}));
}

TEST_F(Serving_C1, a_factory_that_closes_the_server_turns_its_connection_away) {
  Server server;
  const auto factory = [&] {
    server.close();
    recorders.all.push_back(std::make_shared<Recorder>());
    return recorders.all.back();
  };
  server = run(loop().create_server(factory, "127.0.0.1", 0));
  const auto client = raw_connect(server.endpoints()[0]);
  EXPECT_TRUE(run_until([&] { return !recorders.all.empty(); }));
  turns(3);
  EXPECT_TRUE(recorders.all.at(0)->calls.empty());
  ASSERT_TRUE(wait_ready(client.get(), POLLIN)) << "the client is still connected";
  char byte = 0;
  EXPECT_LE(::recv(client.get().number, &byte, 1, MSG_DONTWAIT), 0);
  run(server.wait_closed());  // there is nobody to wait for
}

TEST_F(Serving_C1, a_factory_may_close_the_server_and_drop_the_last_reference) {
  auto server = std::make_shared<Server>();
  bool called = false;
  auto factory = [&] {
    server->close();
    *server = Server();
    called = true;
    return std::make_unique<Echo>();
  };
  *server = run(loop().create_server(factory, "127.0.0.1", 0));
  const auto client = raw_connect(server->endpoints()[0]);
  EXPECT_TRUE(run_until([&] { return called; }));
  turns(3);
  static_cast<void>(
      take_reports());  // an unclosed transport may be reported: the connection may have been kept
  end_loop();
  static_cast<void>(take_reports());
}

TEST_F(Serving_C1, many_connections_at_once_are_all_served) {
  Server server = run(loop().create_server(recorders.factory(), "127.0.0.1", 0, {.backlog = 8}));
  std::vector<OwnedFileDescriptor> clients;
  for (int count = 0; count < 200; ++count) {
    clients.push_back(OwnedFileDescriptor(
        FileDescriptor{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)}));
    const net::SocketAddress address = net::to_sockaddr(server.endpoints()[0]);
    static_cast<void>(::connect(clients.back().get().number, address.get(), address.length));
    if (count % 8 == 7) turn();
  }
  EXPECT_TRUE(run_until([&] { return recorders.made_count() == 200; }));
  clients.clear();
  EXPECT_TRUE(run_until([&] { return recorders.lost_count() == 200; }));
  server.close();
  run(server.wait_closed());
}

TEST_F(Serving_C1, a_connection_that_was_reset_before_it_was_accepted_disturbs_nobody) {
  Server server = serve();
  for (int count = 0; count < 5; ++count) {
    const auto client = raw_connect(server.endpoints()[0]);
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(client.get().number, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  const auto client = raw_connect(server.endpoints()[0]);
  raw_send(client, "here");
  EXPECT_TRUE(run_until([&] { return !recorders.all.empty() && recorders.all.back()->received == "here"; }));
  EXPECT_TRUE(run_until([&] { return recorders.lost_count() == recorders.all.size() - 1; }));
  end(server);
}

TEST_F(Serving_C1, closing_the_loop_over_a_server_leaves_nothing_open) {
  Server server = serve();
  const auto client = raw_connect(server.endpoints()[0]);
  ASSERT_TRUE(run_until([&] { return recorders.made_count() == 1; }));
  auto waiting = loop().create_task(server.wait_closed());
  turn();
  loop().close();
  const auto reports = take_reports();
  ASSERT_FALSE(reports.empty());
  std::vector<std::string> messages;
  for (const auto& report : reports) messages.push_back(report.message);
  EXPECT_THAT(messages, testing::Contains(HasSubstr("unclosed transport")));  // L10
  EXPECT_FALSE(server.is_serving());
  EXPECT_TRUE(server.sockets().empty());
}

}  // namespace
}  // namespace tidegate
