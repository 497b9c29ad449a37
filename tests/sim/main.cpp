// Random but legal use of the whole library on a simulated network, out of one seed each, against the
// contract: what a protocol may do in its callbacks (stream_end, datagram_end), files in between
// (file_errand), TLS over what was in the clear (upgrade), streams and the tasks that read and write them
// (talker, listener), and whoever brings all of that together and to its end (director, talks).
//
//     tidegate_sim [--seeds N] [--first S] [--jobs J] [--repeat]     many seeds; --repeat: each of them twice
//     tidegate_sim --seed S                                          one, with everything that happens
//     tidegate_sim --seed S --quiet                                  one, twice, with nothing printed
#include <tidegate/log.hpp>

#include "sim/tls_terms.hpp"
#include "sim/workers.hpp"

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

namespace tidegate::workload {

namespace {

struct Arguments {
  Campaign campaign{.count = 10'000, .processes = std::thread::hardware_concurrency(), .repeats_every = 20};
  std::optional<std::uint64_t> seed;
  bool is_quiet = false;
};

std::uint64_t number_in(std::string_view option, std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size() || text.empty())
    throw std::invalid_argument(std::string(option) + ": \"" + std::string(text) + "\", expected a number");
  return number;
}

Arguments parse(int count, char** words) {
  Arguments arguments;
  for (int at = 1; at < count; ++at) {
    const std::string_view option = words[at];
    if (option == "--repeat") {
      arguments.campaign.repeats_every = 1;
      continue;
    }
    if (option == "--quiet") {
      arguments.is_quiet = true;
      continue;
    }
    const std::string_view value = at + 1 < count ? words[at + 1] : "";
    const std::uint64_t number = number_in(option, value);
    ++at;
    if (option == "--seeds") {
      arguments.campaign.count = number;
    } else if (option == "--first") {
      arguments.campaign.first = number;
    } else if (option == "--jobs") {
      arguments.campaign.processes = static_cast<unsigned>(number);
    } else if (option == "--seed") {
      arguments.seed = number;
    } else {
      throw std::invalid_argument("there is no option " + std::string(option) +
                                  "; expected --seeds, --first, --jobs, --repeat, --seed or --quiet");
    }
  }
  return arguments;
}

int main(int count, char** words) {
  const Arguments arguments = parse(count, words);
  set_log_handler([](LogLevel, std::string_view) {});  // what is ignored is ignored on purpose here
  if (has_tls()) {
    // Made once, and not by each process.
    static_cast<void>(client_context());
    static_cast<void>(server_context());
  }
  if (!arguments.seed) return run(arguments.campaign) == 0 ? 0 : 1;
  if (!run_one(*arguments.seed, true, !arguments.is_quiet)) return 1;
  std::printf("Seed %llu: nothing wrong.\n", static_cast<unsigned long long>(*arguments.seed));
  return 0;
}

}  // namespace

}  // namespace tidegate::workload

int main(int count, char** words) {
  try {
    return tidegate::workload::main(count, words);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tidegate_sim: %s\n", error.what());
    return 2;
  }
}
