// See stage.hpp.
#include "sim/stage.hpp"

#include "sim/datagram_end.hpp"
#include "sim/stream_end.hpp"

#include <bit>

namespace tidegate::workload {

Stage::Stage(std::uint64_t seed, const NetworkConditions& weather, bool aloud)
    : random(seed),
      network(seed, weather),
      checker([this](const Breach& breach) { diary.fault(0, breach.text()); }),
      diary([this] { return network.now(); }, aloud),
      loop({.network = &network}) {}

Stage::~Stage() = default;

std::size_t Stage::some_size(std::size_t most) {
  const auto bits = static_cast<std::size_t>(std::bit_width(most));
  const std::size_t bound = std::size_t{1} << random.below(bits + 1);
  return random.below(bound < most ? bound : most + 1);
}

Duration Stage::some_time(Duration most) {
  const auto microseconds = static_cast<std::size_t>(most.count() / 1000);
  return std::chrono::microseconds(some_size(microseconds));
}

StreamEnd& Stage::add_stream_end(bool secured) {
  const auto number = static_cast<unsigned>(streams.size() + 1);
  streams.push_back(std::make_unique<StreamEnd>(*this, number, secured));
  return *streams.back();
}

DatagramEnd& Stage::add_datagram_end() {
  const auto number = static_cast<unsigned>(datagrams.size() + 1);
  datagrams.push_back(std::make_unique<DatagramEnd>(*this, number));
  return *datagrams.back();
}

}  // namespace tidegate::workload
