// Many connections on which nothing happens: what they cost, and whether they are still there afterwards.
#include "bench/loads.hpp"
#include "bench/one_echo.hpp"
#include "bench/open_connections.hpp"
#include "bench/resident_memory.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace tidegate::cli::bench {

namespace {

// For all of them together.
constexpr std::chrono::seconds kLongestCheck{10};

using Clients = std::vector<std::shared_ptr<OneEcho>>;

/// Has one message echoed on each connection that is open.
Task<> check(std::shared_ptr<Session> session, const Clients& clients) {
  for (const auto& client : clients) {
    if (!client->has_ended()) client->send();
  }
  const bool have_all_ended = co_await session->connections().closed_within(kLongestCheck);
  if (have_all_ended) co_return;
  for (const auto& client : clients) {
    if (!client->has_ended()) client->give_up(fmt::format("no answer within {} s", kLongestCheck.count()));
  }
  co_await session->connections().end_within(kLongestFarewell);
}

void count_lost(Session& session, const Clients& clients) {
  for (std::size_t index = 0; index < clients.size(); ++index) {
    if (clients[index]->succeeded()) continue;
    ++session.holding()->lost;
    session.fail(index + 1, clients[index]->problem());
  }
}

}  // namespace

Task<> idle_load(std::shared_ptr<Session> session) {
  const TimePoint begin = session->loop().time();
  const std::uint64_t memory_before = resident_bytes();
  Clients clients;
  clients.reserve(session->options().connections);
  MakeClient make_client = [&session, &clients](std::size_t number) {
    return clients.emplace_back(std::make_shared<OneEcho>(session, number));
  };
  co_await open_connections(session, std::move(make_client));

  Holding holding;
  holding.opening_time = session->loop().time() - begin;
  const std::uint64_t memory_after = resident_bytes();
  if (memory_after > memory_before) {
    holding.memory_per_connection_bytes = (memory_after - memory_before) / session->options().connections;
  }
  session->holding() = holding;
  session->begin();
  co_await session->over();
  co_await check(session, clients);
  count_lost(*session, clients);
}

}  // namespace tidegate::cli::bench
