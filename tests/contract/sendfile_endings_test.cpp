// What becomes of a sendfile, and of its transport, when it is cancelled or the connection ends: N1.
#include "contract/sendfile_rig.hpp"

#include <string>
#include <system_error>
#include <vector>

#include <gmock/gmock.h>

namespace tidegate::contract {
namespace {

class SendfileEndings : public SendfileTest {
 protected:
  /// What leaves after a sendfile that was cut short at the file's position.
  void expect_rest_of_file_is_not_sent(const ScratchFile& file, std::size_t before = 0) {
    const std::size_t sent = before + static_cast<std::size_t>(file.position());
    here().write("and on");
    rig().run_until([&] { return peer().has(sent + 6); }, "what was written afterwards");
    rig().run_until_quiet();
    peer().receive();
    EXPECT_EQ(peer().received.size(), sent + 6);
    EXPECT_TRUE(is_pattern(BytesView(peer().received).first(sent)));
    EXPECT_EQ(peer().received.substr(sent), "and on");
  }
};

// --- cancelled -----------------------------------------------------------------------------------

TEST_P(SendfileEndings, N1_one_that_is_cancelled_leaves_the_transport_usable_and_says_how_far_it_came) {
  connect_raw();
  const ScratchFile file(pattern(kMoreThanFitsBytes));
  const auto sending = send_until_blocked(file);
  sending.cancel();
  EXPECT_EQ(failure_of(sending), "cancelled");
  EXPECT_GT(file.position(), 0);
  EXPECT_TRUE(here().transport().is_reading());
  expect_rest_of_file_is_not_sent(file);
  peer().send("heard");
  rig().run_until([&] { return here().received == "heard"; });
}

TEST_P(SendfileEndings, N1_one_that_is_cancelled_while_it_waits_for_what_is_buffered_sends_nothing) {
  connect_raw();
  const std::size_t before = fill_kernel();
  here().set_limits({.high = 100});  // or the whole file may be buffered behind it before it is cancelled
  const ScratchFile file(pattern(1'000'000, before));
  const auto sending = send(file);
  rig().run_until_quiet();
  sending.cancel();
  EXPECT_EQ(failure_of(sending), "cancelled");
  EXPECT_TRUE(passes_through_program() || file.position() == 0);
  expect_rest_of_file_is_not_sent(file, before);
}

TEST_P(SendfileEndings, N1_the_next_file_may_follow_at_once_on_one_that_was_cancelled) {
  connect_raw();
  const ScratchFile file(pattern(kMoreThanFitsBytes));
  const auto sending = send_until_blocked(file);
  TaskHandle<std::uint64_t> next;
  sending.add_done_callback([&](const Future<std::uint64_t>&) {
    const auto rest = static_cast<std::uint64_t>(file.position());
    next = send(file, {.offset = rest});
  });
  sending.cancel();
  expect_arrival(kMoreThanFitsBytes);
  EXPECT_EQ(failure_of(sending), "cancelled");
  EXPECT_GT(result_of(next), 0U);
  EXPECT_EQ(file.position(), kMoreThanFitsBytes);
}

TEST_P(SendfileEndings, N1_one_that_is_cancelled_at_once_changes_nothing) {
  connect_raw();
  const ScratchFile file(pattern(1'000));
  const auto sending = send(file);
  sending.cancel();
  EXPECT_EQ(failure_of(sending), "cancelled");
  expect_rest_of_file_is_not_sent(file);
  EXPECT_EQ(file.position(), 0);
}

TEST_P(SendfileEndings, N1_a_file_that_is_closed_after_the_cancellation_is_not_missed) {
  connect_raw();
  ScratchFile file(pattern(kMoreThanFitsBytes));
  const auto sending = send_until_blocked(file);
  sending.cancel();
  EXPECT_EQ(failure_of(sending), "cancelled");
  const auto sent = static_cast<std::size_t>(file.position());
  file.close();
  here().write(pattern(6, sent));
  expect_arrival(sent + 6);
}

// --- closed --------------------------------------------------------------------------------------

TEST_P(SendfileEndings, N1_a_transport_that_is_closed_or_aborted_meanwhile_fails_it) {
  for (const bool abort : {false, true}) {
    connect_raw();
    const ScratchFile file(pattern(kMoreThanFitsBytes));
    const auto sending = send_until_blocked(file);
    abort ? here().abort() : here().close();
    EXPECT_EQ(code_of(sending), std::errc::connection_aborted) << failure_of(sending);
    const auto sent = static_cast<std::size_t>(file.position());
    EXPECT_LT(sent, kMoreThanFitsBytes);
    rig().run_until([&] { return peer().at_end(); });
    EXPECT_TRUE(abort || peer().received.size() == sent);
    EXPECT_TRUE(is_pattern(peer().received));
    run_until_lost();
    EXPECT_FALSE(here().reason) << here().reason.message();
  }
}

TEST_P(SendfileEndings, N1_a_transport_that_is_closed_while_the_file_waits_still_sends_what_was_written) {
  connect_raw();
  const std::size_t before = fill_kernel();
  const ScratchFile file(pattern(kMoreThanFitsBytes, before));
  here().set_limits({});
  const auto sending = send(file);
  rig().run_until_quiet();
  here().close();
  EXPECT_EQ(code_of(sending), std::errc::connection_aborted) << failure_of(sending);
  rig().run_until([&] { return peer().at_end(); });
  EXPECT_EQ(peer().received.size(), before + static_cast<std::size_t>(file.position()));
  EXPECT_TRUE(is_pattern(peer().received));
  run_until_lost();
}

/// What was handed to the transport leaves, so the position counts it.
TEST_P(SendfileEndings, N1_one_that_pause_writing_ends_by_closing_says_how_far_it_came) {
  connect_raw();
  const ScratchFile file(pattern(kMoreThanFitsBytes));
  here().on.pause_writing = [&] { here().close(); };
  const auto sending = send(file);
  if (!passes_through_program()) {
    rig().run_until_quiet();
    here().close();
  }
  EXPECT_EQ(code_of(sending), std::errc::connection_aborted) << failure_of(sending);
  const auto sent = static_cast<std::size_t>(file.position());
  EXPECT_GT(sent, 0U);
  rig().run_until([&] { return peer().at_end(); });
  EXPECT_EQ(peer().received.size(), sent);
  EXPECT_TRUE(is_pattern(peer().received));
  run_until_lost();
}

TEST_P(SendfileEndings, N1_one_that_is_closed_in_the_same_callback_as_it_begins_fails) {
  connect_raw();
  fill_kernel();  // so that nothing of the file can leave before
  const ScratchFile file(pattern(1'000));
  const auto sending = send(file);
  rig().in_loop([&] { here().close(); });
  EXPECT_EQ(code_of(sending), std::errc::connection_aborted) << failure_of(sending);
  rig().run_until([&] { return peer().at_end(); });
  run_until_lost();
}

TEST_P(SendfileEndings, L7_a_callback_that_throws_meanwhile_fails_it_with_that_exception) {
  connect_raw();
  const ScratchFile file(pattern(kMoreThanFitsBytes));
  const auto sending = send_until_blocked(file);
  const std::exception_ptr thrown = failure("no more");
  here().on.some_received = [&] { std::rethrow_exception(thrown); };
  peer().send("x");
  run_until_lost();
  EXPECT_EQ(failure_of(sending), "no more");
  EXPECT_EQ(rig().take_report().exception, thrown);
}

TEST_P(SendfileEndings, L10_a_loop_may_be_closed_over_it) {
  connect_raw();
  const ScratchFile file(pattern(kMoreThanFitsBytes));
  {
    const auto sending = send_until_blocked(file);
    rig().close_loop();
  }
  rig().destroy_loop();
  std::vector<std::string> messages;
  for (const Report& report : rig().take_reports()) messages.push_back(report.message);
  EXPECT_THAT(messages,
              ::testing::UnorderedElementsAre("Task was destroyed but it is pending!", "unclosed transport"));
}

// --- broken --------------------------------------------------------------------------------------

TEST_P(SendfileEndings, N1_a_peer_that_resets_the_connection_meanwhile_fails_it_with_that_error) {
  for (const bool paused : {false, true}) {
    connect_raw();
    if (!rig().ground().is_tcp()) {
      here().write("unread");
      rig().run_until([&] { return here().buffered() == 0; });
    }
    const ScratchFile file(pattern(kMoreThanFitsBytes));
    const auto sending = send_until_blocked(file);
    if (paused) here().pause_reading();
    peer().reset();
    const std::error_code code = code_of(sending);
    EXPECT_TRUE(code == std::errc::connection_reset || code == std::errc::broken_pipe) << failure_of(sending);
    run_until_lost();
    EXPECT_EQ(here().reason.code(), code) << here().reason.message();
    EXPECT_LT(file.position(), kMoreThanFitsBytes);
  }
}

TEST_P(SendfileEndings, W3_a_connection_that_is_broken_already_fails_it_and_causes_no_signal) {
  connect_raw();
  here().pause_reading();
  peer().close();
  const ScratchFile file(pattern(kMuchBytes));
  const auto sending = send(file);
  const std::error_code code = code_of(sending);
  EXPECT_TRUE(code == std::errc::connection_reset || code == std::errc::broken_pipe) << failure_of(sending);
  run_until_lost();
}

/// Writes until the connection turns out to be broken, and asks for a file at once, before it has ended.
TEST_P(SendfileEndings, N1_one_that_begins_when_the_connection_was_found_broken_is_refused) {
  connect_raw();
  here().pause_reading();
  peer().close();
  const ScratchFile file;
  const auto write_and_send = [&]() -> Task<std::uint64_t> {
    constexpr int kMost = 100;
    for (int writes = 0; writes < kMost && !here().transport().is_closing(); ++writes) {
      here().transport().write(Chunk(std::string(100'000, 'x')));
      auto turn = sleep(Duration::zero());
      if (!here().transport().is_closing()) co_await std::move(turn);
    }
    auto sending = loop().sendfile(here().ref(), file.descriptor());
    co_return co_await std::move(sending);
  };
  EXPECT_EQ(failure_of(loop().create_task(write_and_send())), "sendfile() on a transport that is closing");
  run_until_lost();
  static_cast<void>(rig().take_warnings());
}

// --- not begun -----------------------------------------------------------------------------------

TEST_P(SendfileEndings, N1_a_transport_that_is_closing_or_has_been_told_write_eof_is_refused) {
  connect_raw();
  const ScratchFile file(pattern(100));
  if (here().transport().can_write_eof()) {
    here().write_eof();
    EXPECT_EQ(failure_of(send(file)), "Cannot call sendfile() after write_eof()");
  }
  here().close();
  EXPECT_EQ(failure_of(send(file)), "sendfile() on a transport that is closing");
  run_until_lost();
  EXPECT_EQ(failure_of(send(file)), "sendfile() on a transport that is closing");
  EXPECT_EQ(file.position(), 0);
}

INSTANTIATE_TEST_SUITE_P(Streams, SendfileEndings, ::testing::ValuesIn(each_carrier()), name_of);

}  // namespace
}  // namespace tidegate::contract
