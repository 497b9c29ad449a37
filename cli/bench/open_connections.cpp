// See open_connections.hpp.
#include "bench/open_connections.hpp"

#include <tidegate/error.hpp>
#include <tidegate/sleep.hpp>
#include <tidegate/task_group.hpp>

#include "bench/destination.hpp"
#include "number_text.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>

#include <fmt/format.h>

namespace tidegate::cli::bench {

namespace {

constexpr std::size_t kAtOnce = 32;
// A connection is open for us before the server has accepted it. Without a rest we would run ahead until its
// queue is full, and then wait a second for each packet that it dropped.
constexpr std::chrono::milliseconds kRest{1};

/// What the openers share: the next number, and where to go.
struct Opening {
  std::shared_ptr<Session> session;
  MakeClient make_client;
  Destination destination;
  std::size_t begun = 0;
};

std::string place_of(std::size_t number, std::size_t count) {
  return count == 1 ? "" : fmt::format(" (connection {} of {})", grouped(number), grouped(count));
}

Task<> open_one(std::shared_ptr<Opening> opening, std::size_t number) {
  auto connecting = opening->destination.connect_in_time(opening->make_client(number));
  try {
    co_await std::move(connecting);
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(error.what() + place_of(number, opening->session->options().connections));
  }
}

Task<> open_while_some_are_missing(std::shared_ptr<Opening> opening) {
  while (opening->begun < opening->session->options().connections) {
    const std::size_t number = ++opening->begun;
    co_await open_one(opening, number);
    co_await sleep(kRest);
  }
}

}  // namespace

Task<> open_connections(std::shared_ptr<Session> session, MakeClient make_client) {
  Destination destination(session->options());
  const auto opening =
      std::make_shared<Opening>(Opening{session, std::move(make_client), std::move(destination)});
  // The first one alone: it finds out which address of a name answers, and whether anybody does.
  const std::size_t first = ++opening->begun;
  co_await open_one(opening, first);
  const auto open_the_others = [opening](TaskGroup& group) -> Task<> {
    const std::size_t openers = std::min(kAtOnce, opening->session->options().connections);
    for (std::size_t count = 0; count < openers; ++count) {
      group.create_task(open_while_some_are_missing(opening));
    }
    co_return;
  };
  try {
    co_await task_group(open_the_others);
  } catch (const ExceptionGroup& failures) {
    // The first has cancelled the others, and says it for all.
    std::rethrow_exception(failures.exceptions().front());
  }
}

}  // namespace tidegate::cli::bench
