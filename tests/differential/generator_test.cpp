// What every script has, whatever its seed.
#include "differential/generator.hpp"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace tidegate::differential {
namespace {

constexpr std::uint64_t kSeeds = 2000;

TEST(GeneratorTest, the_same_seed_makes_the_same_script_and_another_one_another) {
  std::set<std::string> texts;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const std::string text = to_text(generate(seed));
    EXPECT_EQ(text, to_text(generate(seed)));
    texts.insert(text);
  }
  EXPECT_EQ(texts.size(), kSeeds);
}

/// The induction that generator.cpp speaks of: what a step waits for is written.
TEST(GeneratorTest, no_step_waits_for_more_than_the_other_end_writes) {
  const auto check = [](const EndScript& waiting, const EndScript& writing) {
    std::size_t before = 0;
    for (const Step& step : waiting.steps) {
      if (step.moment != Moment::received) continue;
      EXPECT_LE(step.bytes, writing.total_bytes);
      EXPECT_GE(step.bytes, before);
      before = step.bytes;
    }
    for (const Echo& echo : waiting.echoes) EXPECT_LE(echo.to, writing.total_bytes);
  };
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    SCOPED_TRACE(seed);
    const Script script = generate(seed);
    check(script.here, script.there);
    check(script.there, script.here);
  }
}

TEST(GeneratorTest, a_raw_end_does_only_what_a_socket_can) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const Script script = generate(seed);
    EXPECT_FALSE(script.here.raw);
    for (const EndScript* end : {&script.here, &script.there}) {
      for (const Step& step : end->steps) {
        for (const Action& action : step.actions) {
          const bool only_raw = action.verb == Verb::reset;
          const bool only_transport = action.verb == Verb::become_plain ||
                                      action.verb == Verb::become_buffered ||
                                      action.verb == Verb::set_limits ||
                                      action.verb == Verb::set_bad_limits || action.verb == Verb::produce ||
                                      action.verb == Verb::write_after_eof || action.verb == Verb::fail;
          EXPECT_FALSE(end->raw ? only_transport : only_raw) << to_text(script);
        }
      }
    }
  }
}

}  // namespace
}  // namespace tidegate::differential
