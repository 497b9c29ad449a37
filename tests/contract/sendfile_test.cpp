// Loop::sendfile over every stream transport: N1. What becomes of it when the connection ends is in
// sendfile_endings_test.cpp, of files that are none in sendfile_odd_files_test.cpp.
#include "contract/sendfile_rig.hpp"

#include <cstdint>
#include <limits>
#include <string>

namespace tidegate::contract {
namespace {

class Sendfile : public SendfileTest {};

// --- what arrives --------------------------------------------------------------------------------

TEST_P(Sendfile, N1_a_file_arrives_whole_and_its_position_is_behind_it) {
  connect_raw();
  const ScratchFile file(pattern(kMuchBytes));
  const auto sending = send(file);
  expect_arrival(kMuchBytes);
  EXPECT_EQ(result_of(sending), kMuchBytes);
  EXPECT_EQ(file.position(), kMuchBytes);
}

TEST_P(Sendfile, N1_a_small_file_arrives_whole) {
  connect_raw();
  const ScratchFile file(pattern(100));
  EXPECT_EQ(result_of(send(file)), 100U);
  expect_arrival(100);
  EXPECT_EQ(file.position(), 100);
}

TEST_P(Sendfile, N1_offset_and_count_choose_the_part) {
  connect_raw();
  const ScratchFile file(pattern(1'000'000));
  EXPECT_EQ(result_of(send(file, {.offset = 5'000, .count = 77})), 77U);
  EXPECT_EQ(file.position(), 5'077);
  EXPECT_EQ(result_of(send(file, {.offset = 5'077, .count = 1})), 1U);
  EXPECT_EQ(result_of(send(file, {.offset = 999'000})), 1'000U);
  EXPECT_EQ(file.position(), 1'000'000);
  EXPECT_EQ(result_of(send(file, {.offset = 999'999, .count = 5'000})), 1U) << "the file is shorter";
  expect_bytes(pattern(78, 5'000) + pattern(1'000, 999'000) + pattern(1, 999'999));
}

TEST_P(Sendfile, N1_it_begins_at_the_offset_wherever_the_file_stands) {
  connect_raw();
  ScratchFile file(pattern(100));
  file.set_position(60);
  EXPECT_EQ(result_of(send(file, {.offset = 0})), 100U);
  expect_arrival(100);
}

TEST_P(Sendfile, N1_where_there_is_nothing_to_send_nothing_is_sent_and_the_file_stays_where_it_stands) {
  connect_raw();
  ScratchFile file(pattern(100));
  ScratchFile empty;
  file.set_position(7);
  EXPECT_EQ(result_of(send(file, {.count = 0})), 0U);
  EXPECT_EQ(result_of(send(file, {.offset = 100})), 0U);
  EXPECT_EQ(result_of(send(file, {.offset = 1'000'000})), 0U);
  EXPECT_EQ(result_of(send(file, {.offset = std::numeric_limits<std::int64_t>::max()})), 0U);
  EXPECT_EQ(result_of(send(empty)), 0U);
  EXPECT_EQ(file.position(), 7);
  here().write("and on");
  expect_bytes("and on");
}

TEST_P(Sendfile, N1_offsets_and_sizes_beyond_4_GiB_are_what_they_are) {
  constexpr std::int64_t kFar = 5'000'000'000;
  connect_raw();
  ScratchFile file;
  file.write_at(kFar, pattern(200'000));
  EXPECT_EQ(result_of(send(file, {.offset = kFar - 3, .count = 1'003})), 1'003U);
  EXPECT_EQ(file.position(), kFar + 1'000);
  EXPECT_EQ(result_of(send(file, {.offset = kFar + 1'000})), 199'000U);
  expect_bytes(std::string(3, '\0') + pattern(200'000));
}

// --- beside writes -------------------------------------------------------------------------------

TEST_P(Sendfile, N1_what_was_written_before_leaves_before_and_what_is_written_afterwards_after) {
  connect_raw();
  const ScratchFile file(pattern(100'000, 6));
  here().write(pattern(6));
  EXPECT_EQ(result_of(send(file)), 100'000U);
  here().write(pattern(10, 100'006));
  expect_arrival(100'016);
}

TEST_P(Sendfile, N1_it_waits_behind_a_full_kernel) {
  connect_raw();
  const std::size_t before = fill_kernel();
  const ScratchFile file(pattern(100'000, before));
  const auto sending = send(file);
  rig().run_until_quiet();
  // What is written waits in the buffer instead, for the marks are far up.
  EXPECT_TRUE(passes_through_program() || !sending.done());
  EXPECT_TRUE(passes_through_program() || file.position() == 0);
  expect_arrival(before + 100'000);
  EXPECT_EQ(result_of(sending), 100'000U);
}

TEST_P(Sendfile, F1_a_protocol_that_was_paused_before_is_resumed_when_its_bytes_have_left) {
  connect_raw();
  const std::size_t before = fill_kernel();
  here().set_limits({.high = 100});
  EXPECT_EQ(here().pause_count, 1);
  const ScratchFile file(pattern(kMuchBytes, before));
  const auto sending = send(file);
  expect_arrival(before + kMuchBytes);
  EXPECT_EQ(result_of(sending), kMuchBytes);
  rig().run_until([&] { return !here().writing_paused; });
  EXPECT_EQ(here().resume_count, here().pause_count);
}

TEST_P(Sendfile, F1_a_protocol_that_writes_when_it_is_resumed_is_resumed_when_it_may) {
  connect_raw();
  const std::size_t before = fill_kernel();
  here().set_limits({.high = 100});
  const ScratchFile file(pattern(kMuchBytes, before));
  here().on.resume_writing = [&] {
    here().on.resume_writing = nullptr;
    here().write(pattern(10, before + kMuchBytes));
  };
  const auto sending = send(file);
  expect_arrival(before + kMuchBytes + 10);
  EXPECT_EQ(result_of(sending), kMuchBytes);
}

TEST_P(Sendfile, N1_writing_meanwhile_is_an_error_and_nothing_of_it_is_sent) {
  constexpr const char* kRefused = "unable to write; sendfile is in progress";
  connect_raw();
  const ScratchFile file(pattern(kMoreThanFitsBytes));
  const auto sending = send_until_blocked(file);
  const std::string text = "text";
  const BytesView pieces[] = {text, text};
  Transport& transport = here().transport();
  EXPECT_EQ(thrown_text<InvalidStateError>([&] { transport.write(text); }), kRefused);
  EXPECT_EQ(thrown_text<InvalidStateError>([&] { transport.write(Chunk(std::string(text))); }), kRefused);
  EXPECT_EQ(thrown_text<InvalidStateError>([&] { transport.writelines(pieces); }), kRefused);
  EXPECT_EQ(thrown_text<InvalidStateError>([&] { transport.writelines(std::vector<Chunk>(2)); }), kRefused);
  EXPECT_EQ(thrown_text<InvalidStateError>([&] { transport.write(""); }), kRefused);
  if (transport.can_write_eof()) {
    EXPECT_EQ(thrown_text<InvalidStateError>([&] { transport.write_eof(); }), kRefused);
  }
  EXPECT_NE(thrown_text<InvalidStateError>([&] { static_cast<void>(result_of(send(file))); }),
            "nothing was thrown");
  expect_arrival(kMoreThanFitsBytes);
  EXPECT_EQ(result_of(sending), kMoreThanFitsBytes);
  here().write(text);
  expect_bytes(pattern(kMoreThanFitsBytes) + text);
}

TEST_P(Sendfile, N1_files_follow_one_another) {
  connect_raw();
  const ScratchFile first(pattern(kMuchBytes));
  const ScratchFile second(pattern(kMuchBytes, kMuchBytes));
  const auto both = loop().create_task(send_both(first, second));
  expect_arrival(2 * kMuchBytes);
  rig().run_until([&] { return both.done(); });
  EXPECT_EQ(both.result(), 2 * kMuchBytes);
}

TEST_P(Sendfile, N1_both_ends_send_a_file_at_a_time) {
  connect_pair();
  const ScratchFile file(pattern(kMuchBytes));
  const auto out = send(file);
  const auto back = loop().create_task(loop().sendfile(there().ref(), file.descriptor()));
  rig().run_until([&] { return out.done() && back.done(); });
  rig().run_until([&] { return here().received_size + there().received_size == 2 * kMuchBytes; });
  EXPECT_TRUE(is_pattern(here().received));
  EXPECT_TRUE(is_pattern(there().received));
}

// --- beside reading ------------------------------------------------------------------------------

TEST_P(Sendfile, N1_reading_goes_on_meanwhile) {
  connect_raw();
  const ScratchFile file(pattern(kMoreThanFitsBytes));
  const auto sending = send_until_blocked(file);
  peer().send(pattern(10'000));
  rig().run_until([&] { return here().received_size == 10'000; });
  here().pause_reading();
  expect_arrival(kMoreThanFitsBytes);
  EXPECT_EQ(result_of(sending), kMoreThanFitsBytes);
  EXPECT_FALSE(here().transport().is_reading()) << "paused by the program, and not resumed by anybody else";
  here().resume_reading();
  peer().send(pattern(10, 10'000));
  rig().run_until([&] { return here().received_size == 10'010; });
}

TEST_P(Sendfile, R3_an_end_of_file_waits_until_the_file_has_left) {
  for (const bool keep_open : {false, true}) {
    if (keep_open && rig().ground().is_tls()) continue;  // it can't be
    connect_raw();
    here().keep_open_after_eof = keep_open;
    const ScratchFile file(pattern(kMoreThanFitsBytes));
    const auto sending = send_until_blocked(file);
    peer().send("last words");
    peer().shutdown_write();
    rig().run_until([&] { return here().received_size == 10; });
    rig().run_until_quiet();
    EXPECT_EQ(here().eof_count, 0);
    EXPECT_FALSE(here().transport().is_closing());
    expect_arrival(kMoreThanFitsBytes);
    EXPECT_EQ(result_of(sending), kMoreThanFitsBytes);
    rig().run_until([&] { return here().eof_count == 1; });
    EXPECT_EQ(here().transport().is_closing(), !keep_open);
  }
}

TEST_P(Sendfile, R3_an_end_of_file_that_waits_while_reading_is_paused_comes_when_it_is_resumed) {
  connect_raw();
  const ScratchFile file(pattern(kMoreThanFitsBytes));
  const auto sending = send_until_blocked(file);
  peer().shutdown_write();
  rig().run_until_quiet();
  here().pause_reading();
  expect_arrival(kMoreThanFitsBytes);
  EXPECT_EQ(result_of(sending), kMoreThanFitsBytes);
  rig().run_until_quiet();
  EXPECT_EQ(here().eof_count, 0);
  here().resume_reading();
  run_until_lost();
  EXPECT_EQ(here().eof_count, 1);
}

// --- beside others -------------------------------------------------------------------------------

TEST_P(Sendfile, E5_a_large_file_leaves_the_others_their_turns) {
  constexpr std::size_t kTurnBytes = 512 * 1024;
  connect_raw();
  ScratchFile file;
  file.set_size(64 * kTurnBytes);
  const auto sending = send(file);
  std::size_t turns = 0;
  std::function<void()> count = [&] {
    ++turns;
    if (!sending.done()) loop().call_soon(count);
  };
  loop().call_soon(count);
  rig().run_until([&] {
    peer().receive();
    peer().received.clear();
    return sending.done();
  });
  EXPECT_EQ(result_of(sending), 64 * kTurnBytes);
  EXPECT_GE(turns, 64U);
  rig().run_until_quiet();
}

// --- a file that changes -------------------------------------------------------------------------

TEST_P(Sendfile, N1_a_file_that_becomes_shorter_ends_it) {
  connect_raw();
  ScratchFile file(pattern(kMoreThanFitsBytes));
  const auto sending = send_until_blocked(file);
  file.set_size(0);
  rig().run_until([&] {
    peer().receive();
    return sending.done();
  });
  const std::uint64_t sent = result_of(sending);
  EXPECT_LT(sent, kMoreThanFitsBytes);
  EXPECT_EQ(file.position(), static_cast<std::int64_t>(sent));
  rig().run_until([&] { return peer().has(sent); });
  here().write("and on");
  rig().run_until([&] { return peer().has(sent + 6); });
  EXPECT_EQ(peer().received.substr(sent), "and on");
}

TEST_P(Sendfile, F1_what_a_file_kept_from_a_protocol_it_hears_while_the_loop_runs) {
  connect_raw();
  ScratchFile file(pattern(kMoreThanFitsBytes));
  const auto sending = send_until_blocked(file);
  file.set_size(0);
  while (!sending.done()) {
    peer().receive();
    rig().run_rounds(1);
  }
  const int resumed_before = here().resume_count;
  here().write("and on");  // sent at once, for the loop does not run
  EXPECT_EQ(here().resume_count, resumed_before) << "resumed inside of a write";
  rig().run_until([&] { return !here().writing_paused && peer().has(sending.result() + 6); });
}

TEST_P(Sendfile, N1_what_a_file_grows_by_meanwhile_is_not_followed) {
  connect_raw();
  ScratchFile file(pattern(kMoreThanFitsBytes));
  const auto sending = send_until_blocked(file);
  file.write_at(kMoreThanFitsBytes, "more");
  expect_arrival(kMoreThanFitsBytes);
  EXPECT_EQ(result_of(sending), kMoreThanFitsBytes);
}

INSTANTIATE_TEST_SUITE_P(Streams, Sendfile, ::testing::ValuesIn(each_carrier()), name_of);

}  // namespace
}  // namespace tidegate::contract
