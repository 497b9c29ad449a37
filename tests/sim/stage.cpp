// See stage.hpp.
#include "sim/stage.hpp"

#include "sim/datagram_end.hpp"
#include "sim/stream_end.hpp"
#include "sim/talker.hpp"

#include <algorithm>
#include <bit>

namespace tidegate::workload {

Stage::Stage(std::uint64_t seed, const NetworkConditions& weather, bool aloud)
    : random(seed),
      network(seed, weather),
      checker([this](const Breach& breach) { diary.fault(0, breach.text()); }),
      diary([this] { return network.now(); }, aloud),
      loop({.network = &network}) {
  set_weather(weather);
}

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

Talker& Stage::add_talker(std::size_t limit, bool connects, bool secured) {
  const auto number = static_cast<unsigned>(kFirstTalker + talkers.size());
  talkers.push_back(std::make_unique<Talker>(*this, number, limit, connects, secured));
  return *talkers.back();
}

Talker* Stage::find_talker(unsigned number) const noexcept {
  const std::size_t place = number - kFirstTalker;
  return number >= kFirstTalker && place < talkers.size() ? talkers[place].get() : nullptr;
}

void Stage::set_weather(const NetworkConditions& conditions) {
  network.set_conditions(conditions);
  most_sending_bytes_ = std::max(most_sending_bytes_, conditions.send_buffer_bytes);
  most_receiving_bytes_ = std::max(most_receiving_bytes_, conditions.receive_buffer_bytes);
}

DatagramEnd& Stage::add_datagram_end() {
  const auto number = static_cast<unsigned>(datagrams.size() + 1);
  datagrams.push_back(std::make_unique<DatagramEnd>(*this, number));
  return *datagrams.back();
}

}  // namespace tidegate::workload
