// Connections that live for one message, as many at a time as was asked for.
#include <tidegate/error.hpp>
#include <tidegate/gather.hpp>
#include <tidegate/timeout.hpp>

#include "bench/destination.hpp"
#include "bench/loads.hpp"
#include "bench/one_echo.hpp"

#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace tidegate::cli::bench {

namespace {

constexpr std::size_t kFirstLane = 1;

/// One connection from its first packet to its end. What went wrong; empty where nothing did.
Task<std::string> cycle(std::shared_ptr<Session> session, std::shared_ptr<Destination> destination,
                        std::size_t lane) {
  const auto client = std::make_shared<OneEcho>(session, lane);
  auto connecting = destination->connect(client);
  try {
    co_await std::move(connecting);
  } catch (const std::runtime_error& error) {
    co_return error.what();
  }
  client->send();
  co_await client->ended();
  co_return client->problem();
}

/// One after the other; a failure ends the lane, so that a server that is gone is not asked a million times.
Task<> ride(std::shared_ptr<Session> session, std::shared_ptr<Destination> destination, std::size_t lane) {
  while (!session->is_over()) {
    const TimePoint begin = session->loop().time();
    const std::string problem = co_await cycle(session, destination, lane);
    if (problem.empty()) {
      session->measurement().message(session->loop().time() - begin);
      session->measurement().bytes(session->options().size_bytes);
    } else if (!session->is_over()) {
      session->fail(lane, problem);
      break;
    }
    // What is cut once the run is over had no time to finish: no failure.
  }
}

/// Connects once, so that a storm over nobody's head fails like any other load: before it begins.
Task<> knock(std::shared_ptr<Session> session, std::shared_ptr<Destination> destination) {
  const auto visitor = std::make_shared<OneEcho>(session, kFirstLane);
  auto connecting = destination->connect_in_time(visitor);
  co_await std::move(connecting);
  session->connections().close_all();
  co_await session->connections().end_within(kLongestFarewell);
}

/// Lets the connections under way come to their end, but not for ever.
Task<> finish(std::shared_ptr<Session> session, Future<> lanes) {
  try {
    co_await wait_for(std::move(lanes), kLongestFarewell);
  } catch (const TimeoutError&) {
    // What has no connection yet was cancelled; what has one is cut below.
  }
  session->connections().abort_all();
  co_await session->connections().end_within(kLongestFarewell);
}

}  // namespace

Task<> storm_load(std::shared_ptr<Session> session) {
  const auto destination = std::make_shared<Destination>(session->options());
  co_await knock(session, destination);
  session->begin();
  std::vector<Task<>> rides;
  for (std::size_t lane = kFirstLane; lane < kFirstLane + session->options().connections; ++lane) {
    rides.push_back(ride(session, destination, lane));
  }
  const Future<> lanes = gather(std::move(rides));
  lanes.add_done_callback([session](const Future<>&) { session->stop(); });
  co_await session->over();
  co_await finish(session, lanes);
}

}  // namespace tidegate::cli::bench
