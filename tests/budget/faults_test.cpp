// What happens when the system refuses: accepting under shortage (C2), descriptors that cannot be watched,
// connecting that fails.
#include <tidegate/tidegate.hpp>

#include "budget/fault_rig.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/resource.h>

namespace tidegate {
namespace {

using namespace std::chrono_literals;
using budget::Attempt;
using budget::Call;
using budget::calls;
using budget::FaultInjection;
using budget::FaultTest;
using budget::Peer;
using loop_rig::open_descriptors;
using loop_rig::Recorder;
using loop_rig::Recorders;
using testing::ElementsAre;
using testing::HasSubstr;

// --- C2: accepting -----------------------------------------------------------------------------------------

class Accept_C2 : public FaultTest {};

TEST_F(Accept_C2, a_shortage_is_reported_once_stops_accepting_for_a_second_and_loses_no_connection) {
  // Four servers at once, one for each kind of shortage, so that the second is waited for once.
  const std::vector<int> errors{EMFILE, ENFILE, ENOBUFS, ENOMEM};
  std::vector<Server> servers;
  std::map<int, int> error_of;
  std::map<int, std::vector<TimePoint>> accepts;
  for (const int error : errors) {
    servers.push_back(serve());
    error_of[servers.back().sockets()[0].descriptor().number] = error;
  }
  const FaultInjection faults([&](Attempt& attempt) {
    if (attempt.call != Call::accept) return 0;
    accepts[attempt.descriptor].push_back(loop().time());
    return accepts[attempt.descriptor].size() == 1 ? error_of.at(attempt.descriptor) : 0;
  });
  std::vector<Peer> peers;
  for (Server& server : servers) {
    peers.push_back(Peer::connect(server.endpoints()[0]));
    peers.push_back(Peer::connect(server.endpoints()[0]));
    ASSERT_TRUE(peers.back().valid()) << "it waits in the kernel's queue";
  }
  calls() = {};
  std::size_t made = 0;
  recorders.on_made = [&](Recorder&) {
    if (++made == 2 * errors.size()) loop().stop();
  };
  const TimerHandle watchdog = loop().call_later(10s, [&] { loop().stop(); });
  loop().run_forever();
  EXPECT_EQ(made, 2 * errors.size()) << "every connection is accepted in the end";
  for (const auto& [descriptor, times] : accepts) {
    ASSERT_GE(times.size(), 2U);
    EXPECT_GE(times[1] - times[0], 1s) << "accepting stops for a second";
    EXPECT_LE(times.size(), 6U);
  }
  EXPECT_LE(calls().wait, 40U) << "nothing spins meanwhile";
  const auto reports = take_reports();
  ASSERT_EQ(reports.size(), errors.size());
  std::vector<int> reported;
  for (const auto& report : reports) {
    EXPECT_THAT(report.message, HasSubstr("out of system resource"));
    try {
      std::rethrow_exception(report.exception);
    } catch (const OsError& error) {
      reported.push_back(error.code().value());
      EXPECT_THAT(error.what(), HasSubstr("127.0.0.1:"));
    }
  }
  EXPECT_THAT(reported, testing::UnorderedElementsAreArray(errors));
  for (Server& server : servers) end(server);
}

TEST_F(Accept_C2, a_shortage_that_lasts_is_reported_once) {
  Server server = serve();
  int refusals = 0;
  const FaultInjection faults(
      [&](Attempt& attempt) { return attempt.call == Call::accept && ++refusals <= 2 ? EMFILE : 0; });
  const Peer peer = Peer::connect(server.endpoints()[0]);
  const TimePoint begin = loop().time();
  EXPECT_TRUE(run_until_connected(10s));
  EXPECT_GE(loop().time() - begin, 2s);
  EXPECT_EQ(take_reports().size(), 1U);
  end(server);
}

TEST_F(Accept_C2, a_real_shortage_of_descriptors_ends_well) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizers' own checks need descriptors and fail without";
#endif
  Server server = serve();
  const Peer peer = Peer::connect(server.endpoints()[0]);
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  rlimit tight = before;
  tight.rlim_cur = static_cast<rlim_t>(*open_descriptors().rbegin()) + 1;
  // Holes below the highest number would still be given out.
  std::vector<OwnedFileDescriptor> fillers;
  ::setrlimit(RLIMIT_NOFILE, &tight);
  for (;;) {
    OwnedFileDescriptor filler(FileDescriptor{::dup(0)});
    if (!filler.valid()) break;
    fillers.push_back(std::move(filler));
  }
  turns(3);
  const auto reports = take_reports();
  ::setrlimit(RLIMIT_NOFILE, &before);
  fillers.clear();
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_TRUE(recorders.all.empty());
  EXPECT_TRUE(run_until_connected(10s));
  end(server);
}

TEST_F(Accept_C2, a_server_can_be_closed_while_accepting_has_stopped) {
  Server server = serve();
  std::size_t accepts = 0;
  const FaultInjection faults([&](Attempt& attempt) {
    if (attempt.call != Call::accept) return 0;
    ++accepts;
    return EMFILE;
  });
  const Peer peer = Peer::connect(server.endpoints()[0]);
  EXPECT_TRUE(run_until([&] { return report_count() == 1; }));
  EXPECT_EQ(take_reports().size(), 1U);
  server.close();
  run(server.wait_closed());
  EXPECT_EQ(accepts, 1U);
}

TEST_F(Accept_C2, a_loop_can_be_closed_while_accepting_has_stopped) {
  Server server = serve();
  const FaultInjection faults([](Attempt& attempt) { return attempt.call == Call::accept ? ENFILE : 0; });
  const Peer peer = Peer::connect(server.endpoints()[0]);
  EXPECT_TRUE(run_until([&] { return report_count() == 1; }));
  static_cast<void>(take_reports());
  loop().close();
}

TEST_F(Accept_C2, errors_of_a_connection_that_has_gone_are_skipped_without_a_word) {
  for (const int error : {ECONNABORTED, EINTR, EPROTO, EPERM, ENETDOWN, EHOSTUNREACH, ENETUNREACH}) {
    SCOPED_TRACE(error);
    Server server = serve();
    bool refused = false;
    const FaultInjection faults([&](Attempt& attempt) {
      if (attempt.call != Call::accept || refused) return 0;
      refused = true;
      return error;
    });
    const Peer peer = Peer::connect(server.endpoints()[0]);
    const TimePoint begin = loop().time();
    EXPECT_TRUE(run_until_connected(10s));
    EXPECT_LT(loop().time() - begin, 900ms) << "nobody has to wait for it";
    EXPECT_TRUE(refused);
    EXPECT_TRUE(take_reports().empty());
    end(server);
  }
}

TEST_F(Accept_C2, a_backlog_of_connections_is_accepted_in_one_iteration) {
  Server server = serve({.backlog = 64});
  std::vector<Peer> peers;
  for (int count = 0; count < 50; ++count) peers.push_back(Peer::connect(server.endpoints()[0]));
  calls() = {};
  turns(2);
  EXPECT_EQ(recorders.all.size(), 50U);
  EXPECT_LE(calls().accept, 52U);
  end(server);
}

TEST_F(Accept_C2, a_listener_that_can_not_be_watched_is_reported_and_nothing_leaks) {
  const auto before = open_descriptors();
  {
    bool refused = false;
    const FaultInjection faults([&](Attempt& attempt) {
      if (attempt.call != Call::epoll_ctl || refused) return 0;
      refused = true;
      return ENOSPC;
    });
    // Either the call fails, or it is reported and tried again: silence would be a server that never answers.
    try {
      Server server = serve();
      EXPECT_TRUE(run_until([&] { return report_count() > 0; }));
      server.close();
      run(server.wait_closed());
    } catch (const OsError& error) {
      EXPECT_EQ(error.code().value(), ENOSPC);
    }
  }
  static_cast<void>(take_reports());
  turns(2);
  EXPECT_EQ(open_descriptors(), before);
}

// --- watching fails ----------------------------------------------------------------------------------------

class Watching : public FaultTest {
 protected:
  /// Every ADD fails with `error`.
  static budget::Fault no_more_watches(int error) {
    return [error](Attempt& attempt) {
      return attempt.call == Call::epoll_ctl && attempt.action == EPOLL_CTL_ADD ? error : 0;
    };
  }
};

TEST_F(Watching, a_connection_that_can_not_be_watched_ends_with_that_error) {
  for (const int error : {ENOSPC, ENOMEM}) {
    auto [own, other] = Socket::pair();
    auto recorder = std::make_shared<Recorder>();
    const FaultInjection faults(no_more_watches(error));
    auto connection = run(loop().create_connection([&] { return recorder; }, std::move(own)));
    EXPECT_TRUE(run_until([&] { return recorder->lost; }));
    EXPECT_THAT(recorder->calls, ElementsAre("made", "lost"));
    EXPECT_EQ(recorder->lost_reason.code().value(), error);
  }
}

TEST_F(Watching, an_accepted_connection_that_can_not_be_watched_ends_with_that_error_and_others_are_served) {
  Server server = serve();
  bool refused = false;
  const FaultInjection faults([&](Attempt& attempt) {
    if (attempt.call != Call::epoll_ctl || attempt.action != EPOLL_CTL_ADD || refused) return 0;
    refused = true;
    return ENOSPC;
  });
  const Peer first = Peer::connect(server.endpoints()[0]);
  EXPECT_TRUE(run_until([&] { return recorders.lost_count() == 1; }));
  EXPECT_EQ(recorders.all[0]->lost_reason.code().value(), ENOSPC);
  const Peer second = Peer::connect(server.endpoints()[0]);
  second.send("hello");
  EXPECT_TRUE(run_until([&] { return recorders.all.size() == 2 && recorders.all[1]->received == "hello"; }));
  end(server);
}

TEST_F(Watching, connecting_that_can_not_be_watched_fails_with_that_error_and_leaks_nothing) {
  Server server = serve();
  const Endpoint endpoint = server.endpoints()[0];
  const auto before = open_descriptors();
  {
    const FaultInjection faults(no_more_watches(ENOSPC));
    try {
      auto make = [] { return std::make_shared<Recorder>(); };
      auto connection = run(loop().create_connection(make, "127.0.0.1", endpoint.port()));
      // The kernel may connect a loopback socket at once; then the connection is what fails.
      EXPECT_TRUE(run_until([&] { return connection.protocol->lost; }));
      EXPECT_EQ(connection.protocol->lost_reason.code().value(), ENOSPC);
    } catch (const ConnectError& error) {
      EXPECT_EQ(error.code().value(), ENOSPC);
      EXPECT_THAT(error.what(), HasSubstr(endpoint.to_string()));
    }
  }
  turns(3);
  server.abort_clients();
  EXPECT_TRUE(run_until([&] { return open_descriptors() == before; }, 2s));
  end(server);
}

TEST_F(Watching, add_reader_throws_and_keeps_nothing) {
  auto [reader, writer] = loop_rig::make_pipe();
  auto held = std::make_shared<int>(1);
  {
    const FaultInjection faults(no_more_watches(ENOSPC));
    try {
      loop().add_reader(reader.get(), [held] {});
      ADD_FAILURE() << "it was watched";
    } catch (const OsError& error) {
      EXPECT_EQ(error.code().value(), ENOSPC);
    }
  }
  turns(2);
  EXPECT_EQ(held.use_count(), 1);
  bool called = false;
  loop().add_reader(reader.get(), [&] { called = true; });
  ASSERT_EQ(::write(writer.get().number, "x", 1), 1);
  turns(2);
  EXPECT_TRUE(called);
  loop().remove_reader(reader.get());
}

TEST_F(Watching, a_write_that_has_to_wait_and_can_not_be_watched_ends_the_connection) {
  Pair pair = connected_pair();
  const FaultInjection faults([](Attempt& attempt) {
    return attempt.call == Call::epoll_ctl && attempt.action == EPOLL_CTL_MOD ? ENOMEM : 0;
  });
  pair.transport->write(std::string(8'000'000, 'w'));
  EXPECT_TRUE(run_until([&] { return pair.recorder->lost; }));
  EXPECT_EQ(pair.recorder->lost_reason.code().value(), ENOMEM);
}

// --- connecting --------------------------------------------------------------------------------------------

class ConnectFaults_C3 : public FaultTest {};

TEST_F(ConnectFaults_C3, an_interrupted_connect_is_made_again) {
  Server server = serve();
  int interruptions = 3;
  const FaultInjection faults(
      [&](Attempt& attempt) { return attempt.call == Call::connect && interruptions-- > 0 ? EINTR : 0; });
  auto make = [] { return std::make_unique<loop_rig::Echo>(); };
  auto connection = run(loop().create_connection(make, "127.0.0.1", server.endpoints()[0].port()));
  connection.transport->abort();
  end(server);
}

TEST_F(ConnectFaults_C3, an_error_of_connect_is_that_of_the_call_and_leaks_nothing) {
  Server server = serve();
  const auto before = open_descriptors();
  for (const int error : {EADDRNOTAVAIL, ENETUNREACH, EACCES, ENOBUFS, ETIMEDOUT}) {
    const FaultInjection faults([&](Attempt& attempt) { return attempt.call == Call::connect ? error : 0; });
    try {
      auto make = [] { return std::make_unique<loop_rig::Echo>(); };
      static_cast<void>(run(loop().create_connection(make, "127.0.0.1", server.endpoints()[0].port())));
      ADD_FAILURE() << "it was connected";
    } catch (const ConnectError& failed) {
      EXPECT_EQ(failed.code().value(), error);
      EXPECT_THAT(failed.what(), HasSubstr(server.endpoints()[0].to_string()));
    }
  }
  turns(3);
  EXPECT_EQ(open_descriptors(), before);
  end(server);
}

TEST_F(ConnectFaults_C3, the_second_address_of_a_name_is_tried_when_the_first_is_unreachable) {
  Server server = run(loop().create_server(recorders.factory(), "localhost", 0));
  int refusals = 1;
  const FaultInjection faults(
      [&](Attempt& attempt) { return attempt.call == Call::connect && refusals-- > 0 ? ENETUNREACH : 0; });
  const auto addresses = run(loop().getaddrinfo("localhost", 0));
  auto make = [] { return std::make_unique<loop_rig::Echo>(); };
  if (addresses.size() < 2) {
    EXPECT_THROW(
        static_cast<void>(run(loop().create_connection(make, "localhost", server.endpoints()[0].port()))),
        ConnectError);
  } else {
    auto connection = run(loop().create_connection(make, "localhost", server.endpoints()[0].port()));
    EXPECT_EQ(connection.transport->peername().host(), addresses[1].host());
    connection.transport->abort();
  }
  end(server);
}

}  // namespace
}  // namespace tidegate
