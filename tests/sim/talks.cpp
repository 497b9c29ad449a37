// See talks.hpp.
#include "sim/talks.hpp"

#include "sim/talker.hpp"
#include "sim/tls_terms.hpp"

#include <array>
#include <chrono>
#include <optional>
#include <utility>

namespace tidegate::workload {

using namespace std::chrono_literals;

namespace {

constexpr std::array<const char*, 3> kAddresses = {"10.0.0.1", "10.0.0.2", "fd00::1"};
constexpr int kFirstPort = 8000;

}  // namespace

std::size_t Talks::some_limit() { return 1 + stage_.some_size(stage_.random.chance(50) ? 200'000 : 2000); }

Task<> Talks::serve() {
  Random& random = stage_.random;
  Place place;
  const int number = static_cast<int>(++names_given_);
  place.is_unix = random.chance(30);
  place.is_secured = has_tls() && random.chance(20);
  place.name =
      place.is_unix ? "@streams " + std::to_string(number) : kAddresses[random.below(kAddresses.size())];
  place.port = Port(kFirstPort + number);
  place.accepted = std::make_shared<std::vector<Talker*>>();
  stage_.diary.note(0, "serve streams", number);
  const std::size_t limit = some_limit();
  Stage& stage = stage_;
  const auto talk = [&stage, limit, accepted = place.accepted, secured = place.is_secured](
                        StreamReader reader, StreamWriter writer) -> Task<> {
    Talker& talker = stage.add_talker(limit, false, secured);
    accepted->push_back(&talker);
    if (stage.random.chance(3)) throw Mischief();  // before it has said anything
    auto talking = talker.talk(std::move(reader), std::move(writer));
    co_await std::move(talking);
  };
  if (place.is_unix) {
    UnixServerOptions options;
    if (place.is_secured) options.tls = server_context();
    auto starting = start_unix_server(talk, place.name, options, limit);
    place.server = co_await std::move(starting);
  } else {
    ServerOptions options;
    if (place.is_secured) options.tls = server_context();
    auto starting = start_server(talk, place.name, place.port, options, limit);
    place.server = co_await std::move(starting);
  }
  places_.push_back(std::move(place));
}

Task<> Talks::connect() {
  if (places_.empty() || stage_.random.chance(20)) return connect_pair();
  return connect_to(stage_.one_of(places_));
}

Task<> Talks::connect_to(Place place) {
  const std::size_t limit = some_limit();
  stage_.diary.note(0, "connect a stream", static_cast<std::int64_t>(limit));
  const auto patience =
      stage_.random.chance(10) ? std::optional<Duration>(stage_.some_time(2s)) : std::nullopt;
  StreamPair stream;
  if (place.is_unix) {
    SecureConnectOptions options;
    if (place.is_secured) {
      options.tls = client_context();
      options.server_hostname = "localhost";
    }
    auto connecting = wait_for(open_unix_connection(place.name, options, limit), patience);
    stream = co_await std::move(connecting);
  } else {
    ConnectOptions options;
    if (place.is_secured) {
      options.tls = client_context();
      options.server_hostname = "localhost";
    }
    auto connecting = wait_for(open_connection(place.name, place.port, options, limit), patience);
    stream = co_await std::move(connecting);
  }
  Talker& talker = stage_.add_talker(limit, true, place.is_secured);
  auto talking = talker.talk(std::move(stream.reader), std::move(stream.writer));
  co_await std::move(talking);
}

/// Both ends in one place, each with the other.
Task<> Talks::connect_pair() {
  auto [one, other] = stage_.network.socket_pair();
  stage_.diary.note(0, "connect a pair of streams");
  const std::size_t limit_here = some_limit();
  const std::size_t limit_there = some_limit();
  auto connecting_here = open_connection(std::move(one), SecureConnectOptions(), limit_here);
  StreamPair here = co_await std::move(connecting_here);
  auto connecting_there = open_connection(std::move(other), SecureConnectOptions(), limit_there);
  StreamPair there = co_await std::move(connecting_there);
  Talker& talker_here = stage_.add_talker(limit_here, true, false);
  Talker& talker_there = stage_.add_talker(limit_there, false, false);
  auto talking_there =
      stage_.loop.create_task(talker_there.talk(std::move(there.reader), std::move(there.writer)));
  auto talking_here = talker_here.talk(std::move(here.reader), std::move(here.writer));
  co_await std::move(talking_here);
  co_await std::move(talking_there);
}

void Talks::end_a_server() {
  if (places_.empty()) return;
  Place& place = stage_.one_of(places_);
  stage_.diary.note(0, "end a server of streams");
  switch (stage_.random.below(3)) {
    case 0:
      place.server.close();
      break;
    case 1:
      for (Talker* talker : *place.accepted) talker->may_be_closed();
      place.server.close_clients();
      break;
    default:
      for (Talker* talker : *place.accepted) talker->may_be_aborted();
      place.server.abort_clients();
  }
}

void Talks::close_servers() {
  for (Place& place : places_) place.server.close();
}

Task<> Talks::wait_for_servers() {
  for (const Place& place : places_) {
    auto closing = place.server.wait_closed();
    co_await std::move(closing);
  }
}

}  // namespace tidegate::workload
