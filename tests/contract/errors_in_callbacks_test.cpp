// Callbacks that throw: L7.
#include "contract/contract_test.hpp"

#include <string>
#include <vector>

namespace tidegate::contract {
namespace {

class ErrorsInCallbacks : public ContractTest {
 protected:
  const std::exception_ptr thrown_ = failure("this callback failed");

  [[noreturn]] void fail() const { std::rethrow_exception(thrown_); }

  /// What a fatal error in a callback has to lead to (L7).
  void expect_fatal(const BaseProtocol* protocol) {
    run_until_lost();
    rig().run_until_quiet();
    const Report report = rig().take_report();
    EXPECT_NE(report.message, "");
    EXPECT_EQ(report.exception, thrown_);
    EXPECT_EQ(report.transport, here().ref().get());
    EXPECT_EQ(report.protocol, protocol);
    EXPECT_EQ(here().reason.exception(), thrown_);
    EXPECT_EQ(here().lost_count, 1);
    EXPECT_TRUE(here().transport().is_closing());
  }

  /// The connection is alive in both directions.
  void expect_alive() {
    EXPECT_FALSE(here().transport().is_closing());
    const std::size_t before = here().received.size();
    peer().send("are you there?");
    rig().run_until([&] { return here().received.size() == before + 14; });
    EXPECT_EQ(here().lost_count, 0);
  }

  [[nodiscard]] const BaseProtocol* present_protocol() { return here().transport().get_protocol().get(); }
};

TEST_P(ErrorsInCallbacks, L7_data_received_or_buffer_updated_that_throws_aborts_with_that_exception) {
  connect_raw();
  const BaseProtocol* protocol = present_protocol();
  here().on.some_received = [&] { fail(); };
  peer().send("x");
  expect_fatal(protocol);
}

TEST_P(ErrorsInCallbacks, L7_get_buffer_that_throws_aborts_with_that_exception) {
  if (rig().ground().receiver == Receiver::plain) GTEST_SKIP() << "has no get_buffer";
  connect_raw([&] { here().on.get_buffer = [&](std::ptrdiff_t) -> MutableBytesView { fail(); }; });
  const BaseProtocol* protocol = present_protocol();
  peer().send("x");
  expect_fatal(protocol);
  EXPECT_EQ(here().updated_count, 0);
}

TEST_P(ErrorsInCallbacks, L7_eof_received_that_throws_aborts_with_that_exception) {
  connect_raw();
  const BaseProtocol* protocol = present_protocol();
  here().on.eof_received = [&]() -> bool { fail(); };
  peer().shutdown_write();
  expect_fatal(protocol);
}

TEST_P(ErrorsInCallbacks, L7_a_fatal_error_drops_what_is_buffered) {
  connect_raw();
  const std::size_t written = fill_kernel();
  const BaseProtocol* protocol = present_protocol();
  here().on.some_received = [&] { fail(); };
  peer().send("x");
  expect_fatal(protocol);
  rig().run_until([&] { return peer().at_end(); });
  EXPECT_LT(peer().received.size(), written);
}

TEST_P(ErrorsInCallbacks, L7_a_callback_that_closes_and_then_throws_ends_with_its_exception) {
  connect_raw();
  const BaseProtocol* protocol = present_protocol();
  fill_kernel();
  here().on.some_received = [&] {
    here().close();
    fail();
  };
  peer().send("x");
  expect_fatal(protocol);
}

TEST_P(ErrorsInCallbacks, L7_anything_may_be_thrown) {
  for (const std::exception_ptr& odd :
       {std::make_exception_ptr(42), std::make_exception_ptr(CancelledError("odd")),
        std::make_exception_ptr(std::string("text"))}) {
    connect_raw();
    here().on.some_received = [&] { std::rethrow_exception(odd); };
    peer().send("x");
    run_until_lost();
    EXPECT_EQ(rig().take_report().exception, odd);
    EXPECT_EQ(here().reason.exception(), odd);
    EXPECT_TRUE(here().reason);
  }
}

TEST_P(ErrorsInCallbacks, L7_pause_writing_that_throws_is_reported_and_the_connection_lives_on) {
  connect_raw();
  const std::size_t filled = fill_kernel();
  const BaseProtocol* protocol = present_protocol();
  here().set_limits({.high = here().buffered() + 10});
  here().on.pause_writing = [&] { fail(); };
  EXPECT_NO_THROW(here().write(pattern(11, filled)));
  const Report report = rig().take_report();
  EXPECT_EQ(report.message, "protocol.pause_writing() failed");
  EXPECT_EQ(report.exception, thrown_);
  EXPECT_EQ(report.transport, here().ref().get());
  EXPECT_EQ(report.protocol, protocol);
  expect_alive();
  rig().run_until([&] { return peer().has(filled + 11); });
  EXPECT_TRUE(is_pattern(peer().received));
  rig().run_until([&] { return here().resume_count == 1; });
  expect_alive();
}

TEST_P(ErrorsInCallbacks, L7_pause_writing_that_throws_from_set_write_buffer_limits_is_reported_only) {
  connect_raw();
  fill_kernel();
  here().on.pause_writing = [&] { fail(); };
  EXPECT_NO_THROW(here().set_limits({.high = 0}));
  EXPECT_EQ(here().pause_count, 1);
  EXPECT_EQ(rig().take_report().message, "protocol.pause_writing() failed");
  expect_alive();
}

TEST_P(ErrorsInCallbacks, L7_resume_writing_that_throws_is_reported_and_the_connection_lives_on) {
  connect_raw();
  const std::size_t filled = fill_kernel();
  const BaseProtocol* protocol = present_protocol();
  here().set_limits({.high = 0});
  here().on.resume_writing = [&] { fail(); };
  rig().run_until([&] { return peer().has(filled); });
  rig().run_until([&] { return here().resume_count == 1; });
  rig().run_until_quiet();
  const Report report = rig().take_report();
  EXPECT_EQ(report.message, "protocol.resume_writing() failed");
  EXPECT_EQ(report.exception, thrown_);
  EXPECT_EQ(report.transport, here().ref().get());
  EXPECT_EQ(report.protocol, protocol);
  expect_alive();
  here().write("more");
  rig().run_until([&] { return peer().has(filled + 4); });
}

TEST_P(ErrorsInCallbacks, L7_resume_writing_that_throws_does_not_keep_a_closed_transport_from_ending) {
  connect_raw();
  const std::size_t filled = fill_kernel();
  here().set_limits({.high = 0});
  here().on.resume_writing = [&] { fail(); };
  here().close();
  rig().run_until([&] { return peer().at_end(); });
  EXPECT_EQ(peer().received.size(), filled);
  run_until_lost();
  EXPECT_FALSE(here().reason);
  static_cast<void>(rig().take_reports());  // F7: whether it is resumed after close() is left open
}

TEST_P(ErrorsInCallbacks, L7_connection_made_that_throws_is_reported_and_the_connection_stays_open) {
  connect_raw([&] { here().on.connection_made = [&] { fail(); }; });
  const Report report = rig().take_report();
  EXPECT_NE(report.message, "");
  EXPECT_EQ(report.exception, thrown_);
  EXPECT_EQ(report.transport, here().ref().get());
  EXPECT_EQ(report.protocol, present_protocol());
  expect_alive();
  here().write("alive");
  rig().run_until([&] { return peer().has(5); });
}

TEST_P(ErrorsInCallbacks, L7_connection_lost_that_throws_is_reported_and_everything_is_released) {
  connect_raw();
  here().on.connection_lost = [&](const Error&) { fail(); };
  const BaseProtocol* protocol = present_protocol();
  here().close();
  run_until_lost();
  rig().run_until_quiet();
  const Report report = rig().take_report();
  EXPECT_NE(report.message, "");
  EXPECT_EQ(report.exception, thrown_);
  EXPECT_EQ(report.transport, here().ref().get());
  EXPECT_EQ(report.protocol, protocol);
  EXPECT_EQ(here().lost_count, 1);
  EXPECT_FALSE(here().transport().socket().descriptor().valid());
  EXPECT_EQ(here().protocols_alive(), 0);
  rig().run_until([&] { return peer().at_end(); });
}

TEST_P(ErrorsInCallbacks, L7_an_exception_handler_that_throws_does_not_take_the_loop_down) {
  connect_raw();
  loop().set_exception_handler(
      [](Loop&, const ExceptionContext&) { throw std::runtime_error("the handler failed"); });
  here().on.some_received = [&] { fail(); };
  peer().send("x");
  run_until_lost();
  EXPECT_EQ(here().reason.exception(), thrown_);
  EXPECT_FALSE(rig().take_warnings().empty());
}

TEST_P(ErrorsInCallbacks, L7_a_failing_connection_does_not_disturb_its_neighbour) {
  connect_raw();
  TracedEnd& failing = here();
  RawPeer& failing_peer = peer();
  connect_raw();
  failing.on.some_received = [&] { fail(); };
  failing_peer.send("x");
  peer().send("y");
  rig().run_until([&] { return failing.lost() && here().received == "y"; });
  EXPECT_EQ(rig().take_report().exception, thrown_);
  expect_alive();
}

INSTANTIATE_TEST_SUITE_P(Streams, ErrorsInCallbacks, ::testing::ValuesIn(each_receiver()), name_of);

}  // namespace
}  // namespace tidegate::contract
