// What the comparison finds, and what it leaves to chance.
#include "differential/outcome.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidegate::differential {
namespace {

using ::testing::HasSubstr;

/// A connection on which `there` writes "question" and `here` writes "answer"; `here` sees the end of file.
class OutcomeTest : public ::testing::Test {
 protected:
  OutcomeTest() {
    script.here.total_bytes = 6;
    script.here.determined.sees_eof = true;
    script.there.total_bytes = 8;
    outcome.here = {.received = "question", .written = "answer", .saw_eof = true, .reason = "none"};
    outcome.there = {.received = "answer", .written = "question", .saw_eof = false, .reason = "none"};
    other = outcome;
  }

  Script script;
  Outcome outcome;
  Outcome other;
};

TEST_F(OutcomeTest, nothing_is_wrong_with_what_the_script_says) {
  EXPECT_EQ(faults_of(script, outcome), "");
  EXPECT_EQ(differences(script, outcome, other), "");
}

TEST_F(OutcomeTest, a_byte_that_is_lost_wrong_or_too_many_is_a_fault) {
  outcome.here.received = "quesion";
  EXPECT_THAT(faults_of(script, outcome), HasSubstr("not what was written"));
  outcome.here.received = "question?";
  EXPECT_THAT(faults_of(script, outcome), HasSubstr("not what was written"));
  outcome.here.received = "questio";
  EXPECT_THAT(faults_of(script, outcome), HasSubstr("received 7 bytes of 8"));
}

TEST_F(OutcomeTest, where_chance_cuts_it_short_the_bytes_are_a_beginning) {
  script.here.determined.all_received = false;
  outcome.here.received = "quest";
  EXPECT_EQ(faults_of(script, outcome), "");
  EXPECT_EQ(differences(script, outcome, other), "");
  outcome.here.received = "quess";
  EXPECT_THAT(faults_of(script, outcome), HasSubstr("not what was written"));
  EXPECT_THAT(differences(script, outcome, other), HasSubstr("different bytes"));
}

TEST_F(OutcomeTest, another_reason_is_a_fault_and_a_difference) {
  outcome.here.reason = "broken";
  EXPECT_THAT(faults_of(script, outcome), HasSubstr("connection_lost(broken) instead of none"));
  EXPECT_THAT(differences(script, outcome, other), HasSubstr("connection_lost(broken) and (none)"));
}

TEST_F(OutcomeTest, where_chance_ends_it_only_a_broken_connection_or_a_regular_end_will_do) {
  script.here.determined.how_it_ends = false;
  outcome.here.reason = "broken";
  EXPECT_EQ(faults_of(script, outcome), "");
  EXPECT_EQ(differences(script, outcome, other), "");
  outcome.here.reason = "Bad file descriptor";
  EXPECT_THAT(faults_of(script, outcome), HasSubstr("connection_lost(Bad file descriptor)"));
}

TEST_F(OutcomeTest, an_end_of_file_too_many_or_too_few_is_a_fault_and_a_difference) {
  outcome.here.saw_eof = false;
  EXPECT_THAT(faults_of(script, outcome), HasSubstr("was not told of the end of file"));
  EXPECT_THAT(differences(script, outcome, other), HasSubstr("only one of them saw the end of file"));
  outcome = other;
  outcome.there.saw_eof = true;
  EXPECT_THAT(faults_of(script, outcome), HasSubstr("was told of an end of file"));
}

TEST_F(OutcomeTest, what_calls_threw_is_compared) {
  outcome.here.thrown = {"write: too late"};
  EXPECT_THAT(differences(script, outcome, other), HasSubstr("threw [write: too late] and []"));
  script.here.determined.actions = false;
  EXPECT_EQ(differences(script, outcome, other), "");
}

TEST_F(OutcomeTest, what_is_wrong_on_the_way_is_a_fault_whatever_the_bytes_say) {
  outcome.there.faults = {"a second end of file"};
  outcome.faults = {"it has not ended"};
  EXPECT_EQ(faults_of(script, outcome), "there: a second end of file\nit has not ended\n");
}

}  // namespace
}  // namespace tidegate::differential
