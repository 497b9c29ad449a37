// The public checker of the contract on real loops: it finds nothing, changes nothing, and sees all that the
// program's protocols see. (That it finds what is wrong is shown in tests/unit.)
#include <tidegate/testing.hpp>

#include "contract/ground.hpp"
#include "contract/loop_rig.hpp"
#include "contract/subprocess_rig.hpp"
#ifdef TIDEGATE_HAS_TLS
#include "support/certificates.hpp"
#endif

#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace tidegate::contract {
namespace {

using loop_rig::Echo;
using loop_rig::Recorder;
using subprocess_rig::SubprocessRecorder;

/// Collects what it is sent into memory of its own, and closes at an end of file.
class Collector final : public BufferedProtocol {
 public:
  void connection_made(TransportRef made) override { transport = std::move(made); }
  MutableBytesView get_buffer(std::ptrdiff_t) override { return MutableBytesView(memory_); }
  void buffer_updated(std::size_t size_bytes) override { received += memory_.substr(0, size_bytes); }
  void connection_lost(const Error&) override { transport.reset(); }

  TransportRef transport;
  std::string received;

 private:
  std::string memory_ = std::string(1000, '\0');
};

class ContractCheckerOnALoop : public loop_rig::LoopTest, public ::testing::WithParamInterface<BackendKind> {
 protected:
  void SetUp() override {
    LoopTest::SetUp();
    if (const std::string obstacle = obstacle_to(GetParam()); !obstacle.empty()) GTEST_SKIP() << obstacle;
  }
  void TearDown() override {
    checker.check_all_ended();
    EXPECT_EQ(checker.report(), "");
    LoopTest::TearDown();
  }
  [[nodiscard]] LoopOptions loop_options() const override { return {.backend = GetParam()}; }

  /// Both ends of a Unix connection, with these protocols.
  template <typename Here, typename There>
  void connect(const std::shared_ptr<Here>& here, const std::shared_ptr<There>& there) {
    auto [one, other] = Socket::pair();
    const auto make_here = [&] { return here; };
    const auto make_there = [&] { return there; };
    static_cast<void>(run(loop().create_connection(make_here, std::move(one))));
    static_cast<void>(run(loop().connect_accepted_socket(make_there, std::move(other))));
  }
  [[nodiscard]] bool run_until_all_ended() {
    return run_until([&] { return checker.open_connections() == 0; });
  }

  ContractChecker checker;
};

TEST_P(ContractCheckerOnALoop, a_server_whose_clients_write_more_than_the_marks_allow) {
  const auto serve = [&] { return checker.wrap(std::make_shared<Echo>()); };
  Server server = run(loop().create_server(serve, "127.0.0.1", 0));
  const auto client = std::make_shared<Recorder>();
  const auto connect = [&] { return checker.wrap(client); };
  static_cast<void>(run(loop().create_connection(connect, "127.0.0.1", server.endpoints().front().port())));
  const std::string bytes(3'000'000, 'x');
  client->transport->write(bytes);
  ASSERT_TRUE(run_until([&] { return client->received.size() == bytes.size(); }));
  client->transport->close();
  server.close();
  EXPECT_TRUE(run_until_all_ended());
  EXPECT_EQ(client->calls, (std::vector<std::string>{"made", "lost"}));
}

TEST_P(ContractCheckerOnALoop, memory_of_the_protocols_own_that_is_filled_again_and_again) {
  const auto reader = std::make_shared<Collector>();
  const auto writer = std::make_shared<Recorder>();
  connect(checker.wrap(reader), checker.wrap(writer));
  std::string bytes;
  for (int number = 0; number < 20'000; ++number) bytes += std::to_string(number);
  writer->transport->write(bytes);
  writer->transport->close();
  EXPECT_TRUE(run_until_all_ended());
  EXPECT_EQ(reader->received, bytes);
}

TEST_P(ContractCheckerOnALoop, a_protocol_that_hands_its_connection_on_in_the_middle) {
  const auto writer = std::make_shared<Recorder>();
  const auto first = std::make_shared<Recorder>();
  const auto second = std::make_shared<Collector>();
  first->on_data = [&](Recorder& self) {
    TransportRef& transport = self.transport;
    transport->set_protocol(ContractChecker::wrap_next(transport->get_protocol(), second));
  };
  connect(checker.wrap(first), checker.wrap(writer));
  writer->transport->write("one");
  ASSERT_TRUE(run_until([&] { return first->received == "one"; }));
  writer->transport->write("two");
  ASSERT_TRUE(run_until([&] { return second->received == "two"; }));
  writer->transport->abort();
  EXPECT_TRUE(run_until_all_ended());
  first->transport.reset();
}

TEST_P(ContractCheckerOnALoop, a_callback_that_throws) {
  const auto thrower = std::make_shared<Recorder>();
  const auto writer = std::make_shared<Recorder>();
  thrower->on_data = [](Recorder&) { throw std::runtime_error("on purpose"); };
  connect(checker.wrap(thrower), checker.wrap(writer));
  writer->transport->write("x");
  EXPECT_TRUE(run_until_all_ended());
  EXPECT_EQ(take_reports().size(), 1U);
  EXPECT_EQ(thrower->lost_reason.message(), "on purpose");
}

TEST_P(ContractCheckerOnALoop, a_connection_that_is_reset_while_much_is_under_way) {
  const auto reader = std::make_shared<Recorder>();
  const auto writer = std::make_shared<Recorder>();
  connect(checker.wrap(reader), checker.wrap(writer));
  reader->transport->pause_reading();
  reader->transport->write("an answer that nobody reads");
  writer->transport->pause_reading();
  writer->transport->write(std::string(1'000'000, 'x'));
  reader->transport->abort();
  EXPECT_TRUE(run_until_all_ended());
}

TEST_P(ContractCheckerOnALoop, datagrams_and_an_address_where_nobody_listens) {
  class Talker final : public DatagramProtocol {
   public:
    void datagram_received(BytesView data, const Endpoint&) override { received += data.text(); }
    void error_received(const Error&) override { ++errors; }
    std::string received;
    int errors = 0;
  };
  const auto here = std::make_shared<Talker>();
  const auto there = std::make_shared<Talker>();
  const DatagramOptions at_loopback{.local = {"127.0.0.1", 0}};
  const auto make_here = [&] { return checker.wrap(here); };
  const auto make_there = [&] { return checker.wrap(there); };
  const auto receiving = run(loop().create_datagram_endpoint(make_here, at_loopback));
  const DatagramOptions to_it{.remote = {"127.0.0.1", receiving.transport->sockname().port()}};
  const auto sending = run(loop().create_datagram_endpoint(make_there, to_it));
  sending.transport->sendto("a datagram");
  ASSERT_TRUE(run_until([&] { return here->received == "a datagram"; }));
  receiving.transport->close();
  ASSERT_TRUE(run_until([&] { return checker.open_connections() == 1; }));
  sending.transport->sendto("to nobody");
  ASSERT_TRUE(run_until([&] { return there->errors == 1; }));
  sending.transport->close();
  EXPECT_TRUE(run_until_all_ended());
}

TEST_P(ContractCheckerOnALoop, a_child_and_its_pipes) {
  const auto child = std::make_shared<SubprocessRecorder>();
  const auto make = [&] { return checker.wrap(child); };
  const std::vector<std::string> arguments{"-c", "cat; echo error >&2; exit 3"};
  static_cast<void>(run(loop().subprocess_exec(make, "/bin/sh", arguments)));
  const TransportRef input = child->transport->get_pipe_transport(0);
  input->write(std::string(500'000, 'x'));
  input->close();
  EXPECT_TRUE(run_until_all_ended());
  EXPECT_EQ(child->output[1].size(), 500'000U);
  EXPECT_EQ(child->output[2], "error\n");
  EXPECT_EQ(child->returncode, 3);
  child->transport.reset();
}

#ifdef TIDEGATE_HAS_TLS
TEST_P(ContractCheckerOnALoop, an_upgrade_to_tls_after_which_the_new_transport_is_looked_at) {
  const auto client = std::make_shared<Recorder>();
  const auto server = std::make_shared<Recorder>();
  connect(checker.wrap(client), checker.wrap(server));
  const TlsContext client_context =
      TlsContext::client({.ca_data = testing::trusted_authority().certificate_pem()});
  const TlsContext server_context =
      TlsContext::server({.cert_chains = {testing::server_certificate().chain()}});
  const auto upgrade = [&](Recorder& end, const TlsContext& context, const StartTlsOptions& options) {
    const std::shared_ptr<BaseProtocol> wrapped = end.transport->get_protocol();
    return std::pair(loop().create_task(loop().start_tls(end.transport, wrapped, context, options)), wrapped);
  };
  auto [accepting, server_wrapped] = upgrade(*server, server_context, {});
  auto [connecting, client_wrapped] = upgrade(*client, client_context, {.server_hostname = "localhost"});
  ASSERT_TRUE(run_until([&, &one = accepting, &other = connecting] { return one.done() && other.done(); }));
  server->transport = accepting.result();
  client->transport = connecting.result();
  ContractChecker::look_at(server_wrapped, server->transport);
  ContractChecker::look_at(client_wrapped, client->transport);
  client->transport->write(std::string(300'000, 'x'));
  ASSERT_TRUE(run_until([&] { return server->received.size() == 300'000; }));
  client->transport->close();
  EXPECT_TRUE(run_until_all_ended());
}
#endif

INSTANTIATE_TEST_SUITE_P(Loops, ContractCheckerOnALoop, ::testing::ValuesIn(backends()),
                         [](const auto& parameter) { return to_string(parameter.param); });

}  // namespace
}  // namespace tidegate::contract
