// What everybody in one play shares: the network, the loop, the checker, chance, the diary, and how rough
// the play is.
#pragma once

#include <tidegate/testing.hpp>
#include <tidegate/tidegate.hpp>

#include "differential/random.hpp"
#include "sim/diary.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace tidegate::workload {

using differential::Random;

/// What callbacks throw on purpose.
class Mischief : public std::runtime_error {
 public:
  Mischief() : std::runtime_error("on purpose") {}
};

/// How a play is, drawn once from its seed: of a hundred chances each.
struct Mood {
  /// Something is done in a callback; and then, that it is one of these.
  unsigned acting = 50;
  unsigned ending = 3;
  unsigned throwing = 1;
  unsigned pausing = 8;
  unsigned swapping = 5;
  /// Servers and those who connect to them speak TLS.
  bool secured = false;
  /// How often an end does something outside of its callbacks, and how long it waits at most in between.
  std::size_t acts = 10;
  Duration pace = std::chrono::seconds(1);
  /// How many times an end may write, and how much at a time.
  std::size_t writes = 20;
  std::size_t largest_write_bytes = 20'000;
  /// How many files it may send, and how much of each.
  std::size_t files = 0;
  std::size_t largest_file_bytes = 100'000;
};

class StreamEnd;
class DatagramEnd;
class Talker;

struct Stage {
  Stage(std::uint64_t seed, const NetworkConditions& weather, bool aloud);
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;
  ~Stage();

  /// A size of any magnitude up to `most`, as often small as large.
  [[nodiscard]] std::size_t some_size(std::size_t most);
  /// A time of any magnitude from a microsecond to `most`.
  [[nodiscard]] Duration some_time(Duration most);
  /// One of them. REQUIRES: there is one.
  template <typename T>
  [[nodiscard]] T& one_of(std::vector<T>& choices) {
    return choices[random.below(choices.size())];
  }

  StreamEnd& add_stream_end(bool secured);
  DatagramEnd& add_datagram_end();
  Talker& add_talker(std::size_t limit, bool connects, bool secured);
  /// The one of that number; null where there is none.
  [[nodiscard]] Talker* find_talker(unsigned number) const noexcept;
  /// What the two sides of a connection hold in the kernel at most, which may be of different weather.
  [[nodiscard]] std::size_t most_kernel_bytes() const noexcept {
    return most_sending_bytes_ + most_receiving_bytes_;
  }
  /// From now on.
  void set_weather(const NetworkConditions& conditions);

  Random random;
  Mood mood;
  SimulatedNetwork network;
  ContractChecker checker;
  Diary diary;
  /// Ends by their number, from 1 on.
  std::vector<std::unique_ptr<StreamEnd>> streams;
  std::vector<std::unique_ptr<DatagramEnd>> datagrams;
  /// By their number, which no end has.
  static constexpr unsigned kFirstTalker = 100'001;
  std::vector<std::unique_ptr<Talker>> talkers;
  Loop loop;
  bool is_finale = false;
  /// Nothing on this network breaks a connection.
  bool is_gentle = true;

 private:
  std::size_t most_sending_bytes_ = 0;
  std::size_t most_receiving_bytes_ = 0;
};

}  // namespace tidegate::workload
