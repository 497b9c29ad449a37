// See play.hpp.
#include "sim/play.hpp"

#include "sim/datagram_end.hpp"
#include "sim/director.hpp"
#include "sim/stage.hpp"
#include "sim/stream_end.hpp"
#include "sim/talker.hpp"
#include "sim/tls_terms.hpp"
#include "support/open_descriptors.hpp"

#include <chrono>
#include <exception>
#include <string>

namespace tidegate::workload {

namespace {

using namespace std::chrono_literals;

/// Nothing takes this long, not even connects that nobody answers.
constexpr Duration kLongest = 24h;

NetworkConditions weather_of(std::uint64_t seed) {
  switch (seed % 4) {
    case 0:
      return NetworkConditions::calm();
    case 1:
      return NetworkConditions::hostile(seed);
    default:
      return NetworkConditions::rough(seed);
  }
}

void draw_mood(Stage& stage) {
  Random& random = stage.random;
  Mood& mood = stage.mood;
  mood.acting = static_cast<unsigned>(random.between(10, 60));
  mood.ending = static_cast<unsigned>(random.below(5));
  mood.throwing = random.chance(50) ? 0 : static_cast<unsigned>(random.below(5));
  mood.pausing = static_cast<unsigned>(random.below(15));
  mood.swapping = static_cast<unsigned>(random.below(15));
  mood.secured = random.chance(10) && has_tls();
  mood.acts = stage.some_size(200);
  mood.pace = stage.some_time(2s);
  mood.writes = 1 + stage.some_size(500);
  mood.largest_write_bytes = 1 + stage.some_size(200'000);
  mood.files = random.chance(50) ? 0 : stage.some_size(8);
  mood.largest_file_bytes = 1 + stage.some_size(600'000);
}

void perform(Stage& stage) {
  stage.loop.set_exception_handler([&stage](Loop&, const ExceptionContext& context) {
    stage.diary.note(0, "the exception handler was told");
    if (context.exception == nullptr || !is_expected(context.exception))
      stage.diary.fault(0, "the exception handler was told: " + context.message + ": " +
                               (context.exception == nullptr ? "" : describe(context.exception)));
  });
  draw_mood(stage);
  stage.is_gentle = stage.network.conditions().reset == 0;
  Director director(stage);
  try {
    auto directing = wait_for(director.direct(), kLongest);
    stage.loop.run_until_complete(std::move(directing));
  } catch (...) {
    stage.diary.fault(0, "the play has not come to its end: " + describe(std::current_exception()));
  }
  for (const auto& end : stage.streams) end->check_end();
  for (const auto& end : stage.datagrams) end->check_end();
  for (const auto& talker : stage.talkers) talker->check_end();
  stage.checker.check_all_ended();
  stage.loop.close();
  if (stage.network.open_descriptors() != 0)
    stage.diary.fault(0, "descriptors are open behind the loop's end");
}

}  // namespace

Outcome play(std::uint64_t seed, bool aloud) {
  const auto descriptors_before = testing::open_descriptors();
  Outcome outcome;
  {
    Stage stage(seed, weather_of(seed), aloud);
    perform(stage);
    outcome.hash = stage.diary.hash() ^ stage.network.trace_hash();
    outcome.fault = stage.diary.fault();
    if (!outcome.fault.empty()) outcome.fault = stage.network.trace() + outcome.fault;
  }
  if (outcome.fault.empty() && testing::open_descriptors() != descriptors_before)
    outcome.fault = "descriptors of the system's are open when everything has gone\n";
  return outcome;
}

}  // namespace tidegate::workload
