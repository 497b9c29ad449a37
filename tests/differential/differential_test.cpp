// Random scripts, each played on every backend: what a protocol sees is the same on all of them.
//
// One script again, with everything that was called:   TIDEGATE_SEED=123 build/release/differential_tests
// Many:                                                make differential SEEDS=20000
#include "contract/rig.hpp"
#include "differential/generator.hpp"
#include "differential/outcome.hpp"
#include "differential/play.hpp"
#include "differential/tally.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace tidegate::differential {
namespace {

/// A number from the environment.
std::optional<std::uint64_t> wished(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr || *text == '\0') return std::nullopt;
  return std::stoull(text);
}

bool is_anything_wished() { return wished("TIDEGATE_SEED") || wished("TIDEGATE_SEEDS"); }

/// The backends that this machine has.
std::vector<BackendKind> backends_here() {
  std::vector<BackendKind> here;
  std::vector<BackendKind> backends = contract::backends();
  backends.push_back(BackendKind::simulated);
  for (const BackendKind backend : backends) {
    const std::string obstacle = contract::obstacle_to(backend);
    if (obstacle.empty()) {
      here.push_back(backend);
    } else {
      fmt::print("{}\n", obstacle);
    }
  }
  return here;
}

/// The script of a seed, on a ground that this machine has.
Script script_of(std::uint64_t seed) {
  static const bool without_ipv6 = !contract::Rig::obstacle({contract::Carrier::tcp_ipv6}).empty();
  Script script = generate(seed);
  if (without_ipv6 && script.ground.carrier == contract::Carrier::tcp_ipv6) {
    script.ground.carrier = contract::Carrier::tcp_ipv4;
  }
  return script;
}

/// Plays a script on each of the backends; false where that has failed the test.
bool play_everywhere(std::uint64_t seed, const std::vector<BackendKind>& backends, Tally& tally) {
  const Script script = script_of(seed);
  const auto failures = [] {
    const auto* result = ::testing::UnitTest::GetInstance()->current_test_info()->result();
    return result->total_part_count();
  };
  const int failures_before = failures();
  SCOPED_TRACE(
      fmt::format("{}replay with TIDEGATE_SEED={} build/release/differential_tests", to_text(script), seed));
  tally.count("ending: " + script.ending);
  support::TestNetwork::set_seed(seed);
  std::vector<Outcome> outcomes;
  for (const BackendKind backend : backends) {
    try {
      outcomes.push_back(play(script, backend, tally));
    } catch (const std::exception& error) {
      ADD_FAILURE() << "on " << contract::to_string(backend) << ": " << error.what();
      return false;
    }
    const std::string faults = faults_of(script, outcomes.back());
    if (!faults.empty()) ADD_FAILURE() << faults << to_text(outcomes.back());
    const std::string difference = differences(script, outcomes.front(), outcomes.back());
    if (!difference.empty()) {
      ADD_FAILURE() << "not the same:\n"
                    << difference << to_text(outcomes.front()) << to_text(outcomes.back());
    }
  }
  return failures() == failures_before;
}

/// Says once a second how far it has come, where it takes that long.
class Progress {
 public:
  explicit Progress(std::uint64_t total) : total_(total) {}
  void show(std::uint64_t done) {
    const auto now = std::chrono::steady_clock::now();
    if (now - shown_ < std::chrono::seconds(1)) return;
    shown_ = now;
    const double rate = static_cast<double>(done) / std::chrono::duration<double>(now - begun_).count();
    fmt::print(stderr, "{} of {} scripts, {:.0f} a second\n", done, total_, rate);
  }

 private:
  std::uint64_t total_;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point shown_ = begun_;
};

void play_seeds(std::uint64_t first, std::uint64_t count, Tally& tally) {
  const std::vector<BackendKind> backends = backends_here();
  constexpr int kFailuresReported = 3;  // more would say the same
  Progress progress(count);
  int failed = 0;
  for (std::uint64_t done = 0; done < count && failed < kFailuresReported; ++done) {
    if (!play_everywhere(first + done, backends, tally)) ++failed;
    progress.show(done + 1);
  }
}

// --- the test ----------------------------------------------------------------------------------------------

/// What the build runs: so many seeds, in so many tests that can run beside one another.
constexpr std::uint64_t kSeedsPerTest = 100;

class DifferentialTest : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(DifferentialTest, what_a_protocol_sees_is_the_same_on_every_backend) {
  if (is_anything_wished()) GTEST_SKIP() << "other seeds are wished for";
  Tally tally;
  play_seeds(GetParam(), kSeedsPerTest, tally);
}

INSTANTIATE_TEST_SUITE_P(seeds_from, DifferentialTest, ::testing::Values(1, 101, 201, 301),
                         ::testing::PrintToStringParamName());

/// Scripts that never get to the interesting places would always agree.
TEST(DifferentialReachTest, the_scripts_get_everywhere) {
  if (is_anything_wished()) GTEST_SKIP() << "other seeds are wished for";
  constexpr std::uint64_t kSeeds = 400;
  constexpr std::uint64_t kAtLeast = 3;
  const std::vector<BackendKind> one_backend{backends_here().front()};
  Tally tally;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    if (!play_everywhere(seed, one_backend, tally)) break;
  }
  fmt::print("what happened in {} scripts, and how often:\n{}", kSeeds, tally.to_text());
  for (const char* what : {"write_view in connection_made",
                           "write_view in data_received",
                           "write_view in eof_received",
                           "write_view in its own",
                           "write_view, raw",
                           "write_chunk in data_received",
                           "write_chunk in its own",
                           "writelines_views in data_received",
                           "writelines_views in its own",
                           "writelines_chunks in data_received",
                           "writelines_chunks in its own",
                           "answer whole",
                           "answer halves",
                           "answer twice",
                           "answer lines",
                           "answer copied",
                           "write_eof in data_received",
                           "write_eof in its own",
                           "write_eof in eof_received",
                           "write_eof, raw",
                           "write after write_eof threw",
                           "write in connection_lost",
                           "pause_reading in connection_made",
                           "pause_reading in data_received",
                           "pause_until_full, raw",
                           "pause_and_resume in data_received",
                           "pause_for_a_moment in data_received",
                           "read no more until the other end was paused",
                           "become_plain in data_received",
                           "become_buffered in data_received",
                           "become_buffered in connection_made",
                           "become_plain in its own",
                           "set_limits in data_received",
                           "set_limits in connection_made",
                           "set_write_buffer_limits threw",
                           "bytes waiting after a write",
                           "production paused",
                           "pause_writing",
                           "resume_writing",
                           "end of file, closed",
                           "end of file, kept open",
                           "close in data_received",
                           "close in eof_received",
                           "close in its own",
                           "close, raw",
                           "abort in connection_made",
                           "abort in data_received",
                           "abort_later in data_received",
                           "fail in data_received",
                           "reset, raw",
                           "connection_lost(none)",
                           "connection_lost(broken)",
                           "connection_lost(thrown)",
                           "lost with bytes missing"}) {
    EXPECT_GE(tally.of(what), kAtLeast) << what;
  }
}

/// With TIDEGATE_SEED the script of that seed, with TIDEGATE_SEEDS so many (from TIDEGATE_FIRST_SEED on).
TEST(DifferentialWishTest, the_seeds_that_were_wished_for) {
  const auto one = wished("TIDEGATE_SEED");
  const auto many = wished("TIDEGATE_SEEDS");
  if (!one && !many) GTEST_SKIP() << "neither TIDEGATE_SEED nor TIDEGATE_SEEDS says which";
  Tally tally;
  if (one) {
    fmt::print("{}", to_text(script_of(*one)));
    play_seeds(*one, 1, tally);
  } else {
    play_seeds(wished("TIDEGATE_FIRST_SEED").value_or(1), *many, tally);
  }
  fmt::print("what happened, and how often:\n{}", tally.to_text());
}

}  // namespace
}  // namespace tidegate::differential
