// The rules of the checker for datagrams and for children, each shown by a transport that breaks it.
#include <tidegate/testing.hpp>

#include "unit/fake_transports.hpp"

#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidegate::checking {
namespace {

using ::testing::StartsWith;

// --- datagrams ---------------------------------------------------------------------------------------------

class ContractCheckerDatagramTest : public ::testing::Test {
 protected:
  void SetUp() override {
    transport->said.protocol = protocol;
    protocol->connection_made(transport);
  }
  void TearDown() override { transport->said.protocol = nullptr; }
  [[nodiscard]] std::string found() const { return checker.report(); }

  ContractChecker checker;
  const Ref<FakeDatagramTransport> transport{new FakeDatagramTransport};
  const std::shared_ptr<DatagramProtocol> protocol = checker.wrap(std::make_shared<DatagramProtocol>());
};

TEST_F(ContractCheckerDatagramTest, D1_datagrams_and_errors_are_in_order) {
  protocol->datagram_received("", Endpoint::unix_unnamed());
  protocol->error_received(Error(std::make_error_code(std::errc::connection_refused)));
  transport->close();
  protocol->connection_lost(Error());
  EXPECT_EQ(found(), "");
}

TEST_F(ContractCheckerDatagramTest, D1_a_datagram_from_nowhere) {
  protocol->datagram_received("x", Endpoint());
  EXPECT_THAT(found(), StartsWith("contract breach, D1, by the transport: datagram_received without"));
}

TEST_F(ContractCheckerDatagramTest, D2_an_error_that_is_none) {
  protocol->error_received(Error());
  EXPECT_THAT(found(), StartsWith("contract breach, D2, by the transport: error_received without an error"));
}

TEST_F(ContractCheckerDatagramTest, L4_a_datagram_after_close) {
  transport->close();
  protocol->datagram_received("x", Endpoint::unix_unnamed());
  EXPECT_THAT(found(), StartsWith("contract breach, L4, by the transport: datagram_received of a transport"));
}

TEST_F(ContractCheckerDatagramTest, L2_an_error_after_connection_lost) {
  transport->close();
  protocol->connection_lost(Error());
  protocol->error_received(Error(std::make_error_code(std::errc::connection_refused)));
  EXPECT_THAT(found(), StartsWith("contract breach, L2, by the transport: error_received after"));
}

// --- subprocesses ------------------------------------------------------------------------------------------

/// A child with pipes to 0 and from 1.
class ContractCheckerSubprocessTest : public ::testing::Test {
 protected:
  void SetUp() override {
    transport->said.protocol = protocol;
    transport->pipes = {TransportRef(input), TransportRef(new FakeTransport), nullptr};
    protocol->connection_made(transport);
  }
  void TearDown() override { transport->said.protocol = nullptr; }
  void lose() {
    transport->close();
    protocol->connection_lost(Error());
  }
  void exit() {
    transport->returncode = 0;
    protocol->process_exited();
  }
  /// Without the trace.
  [[nodiscard]] std::string found() const {
    const std::optional<Breach> breach = checker.breach();
    return breach ? breach->clause + ": " + breach->what : "";
  }

  ContractChecker checker;
  const Ref<FakeTransport> input{new FakeTransport};
  const Ref<FakeSubprocessTransport> transport{new FakeSubprocessTransport};
  const std::shared_ptr<SubprocessProtocol> protocol = checker.wrap(std::make_shared<SubprocessProtocol>());
};

TEST_F(ContractCheckerSubprocessTest, S1_a_life_in_order) {
  input->said.buffered_bytes = 21;
  protocol->pause_writing();
  protocol->pipe_data_received(1, "x");
  exit();
  protocol->pipe_connection_lost(0, Error(std::make_error_code(std::errc::broken_pipe)));
  protocol->pipe_data_received(1, "written before");
  protocol->pipe_connection_lost(1, Error());
  lose();
  checker.check_all_ended();
  EXPECT_EQ(found(), "");
}

TEST_F(ContractCheckerSubprocessTest, S1_data_of_what_is_no_pipe) {
  protocol->pipe_data_received(2, "x");
  EXPECT_EQ(found(), "S1: pipe_data_received of 2, which is no pipe");
}

TEST_F(ContractCheckerSubprocessTest, S1_data_of_standard_input) {
  protocol->pipe_data_received(0, "x");
  EXPECT_EQ(found(), "S1: pipe_data_received of 0");
}

TEST_F(ContractCheckerSubprocessTest, S1_data_of_a_pipe_that_was_lost) {
  protocol->pipe_connection_lost(1, Error());
  protocol->pipe_data_received(1, "x");
  EXPECT_EQ(found(), "S1: pipe_data_received of 1, after its pipe_connection_lost");
}

TEST_F(ContractCheckerSubprocessTest, S1_a_pipe_that_is_lost_twice) {
  protocol->pipe_connection_lost(1, Error());
  protocol->pipe_connection_lost(1, Error());
  EXPECT_EQ(found(), "S1: pipe_connection_lost of 1, after its pipe_connection_lost");
}

TEST_F(ContractCheckerSubprocessTest, R1_data_received_with_nothing) {
  protocol->pipe_data_received(1, "");
  EXPECT_EQ(found(), "R1: pipe_data_received with no data");
}

TEST_F(ContractCheckerSubprocessTest, S1_process_exited_twice) {
  exit();
  exit();
  EXPECT_EQ(found(), "S1: process_exited a second time");
}

TEST_F(ContractCheckerSubprocessTest, S3_process_exited_without_a_return_code) {
  protocol->process_exited();
  EXPECT_EQ(found(), "S3: process_exited, and there is no return code");
}

TEST_F(ContractCheckerSubprocessTest, S1_connection_lost_before_process_exited) {
  protocol->pipe_connection_lost(0, Error());
  protocol->pipe_connection_lost(1, Error());
  lose();
  EXPECT_EQ(found(), "S1: connection_lost before process_exited");
}

TEST_F(ContractCheckerSubprocessTest, S1_connection_lost_before_the_last_pipe) {
  exit();
  protocol->pipe_connection_lost(0, Error());
  lose();
  EXPECT_EQ(found(), "S1: connection_lost before the pipe_connection_lost of 1");
}

TEST_F(ContractCheckerSubprocessTest, S1_connection_lost_with_a_reason) {
  exit();
  protocol->pipe_connection_lost(0, Error());
  protocol->pipe_connection_lost(1, Error());
  transport->close();
  protocol->connection_lost(Error(std::make_error_code(std::errc::io_error)));
  EXPECT_EQ(found(), "S1: connection_lost with a reason");
}

TEST_F(ContractCheckerSubprocessTest, S6_the_marks_are_those_of_standard_input) {
  input->said.buffered_bytes = 20;
  protocol->pause_writing();
  EXPECT_EQ(found(), "F1: pause_writing with a buffer that is not over the high mark");
}

}  // namespace
}  // namespace tidegate::checking
