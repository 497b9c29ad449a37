// Random scripts on both ends of a connection against a model: what arrives is what was sent, or its
// beginning; the order of callbacks holds; everything ends. TIDEGATE_SOAK_SEED and TIDEGATE_SOAK_RUNS choose
// other scripts than the usual ones.
#include "contract/rig.hpp"

#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include <sys/socket.h>

namespace tidegate::contract {
namespace {

unsigned from_environment(const char* name, unsigned otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : static_cast<unsigned>(std::strtoul(value, nullptr, 10));
}

class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}
  [[nodiscard]] std::size_t below(std::size_t bound) { return engine_() % bound; }
  /// Mostly small, sometimes huge.
  [[nodiscard]] std::size_t size() {
    const std::size_t kind = below(20);
    if (kind == 0) return below(500'000);
    if (kind < 5) return below(40'000);
    return below(600);
  }

 private:
  std::mt19937 engine_;
};

/// One traced end that does what the dice say, and how many bytes it has sent.
class Player {
 public:
  Player(TracedEnd& end, Dice& dice, const TracedEnd* rival = nullptr)
      : end_(end), dice_(dice), rival_(rival) {
    end.keep_open_after_eof = dice.below(2) == 0;
    end.buffer_size_bytes = 1 + dice.below(30'000);
    end.on.some_received = [this] {
      if (dice_.below(10) == 0) move();
    };
    end.on.pause_writing = [this] {
      if (dice_.below(10) == 0) move();
    };
    end.on.resume_writing = [this] {
      if (dice_.below(3) == 0) move();
    };
  }

  void move() {
    if (!end_.ref() || end_.lost()) return;
    switch (dice_.below(24)) {
      case 0:
        return end_.pause_reading();
      case 1:
      case 2:
        return end_.resume_reading();
      case 3:
        return end_.set_limits({.high = dice_.below(100'000)});
      case 4:
        static_cast<void>(end_.switch_protocol(dice_.below(2) == 0 ? Receiver::plain : Receiver::buffered));
        return;
      case 5:
        if (dice_.below(12) == 0) finish_writing();
        return;
      case 6:
        if (dice_.below(40) == 0) close();
        return;
      case 7:
        if (dice_.below(60) == 0) abort();
        return;
      default:
        return write();
    }
  }

  void finish_writing() {
    if (end_.transport().is_closing()) return;
    if (!end_.transport().can_write_eof()) {
      if (rival_ == nullptr || rival_->lost() || !rival_->transport().is_closing()) end_.close();
      return;  // otherwise the rival's end is ours as well
    }
    wrote_eof_ = true;
    end_.write_eof();
  }

  /// Two ends that close with much to flush wait for each other for ever, because neither reads any more:
  /// only one may.
  void close() {
    if (rival_ != nullptr && !rival_->lost() && rival_->transport().is_closing()) return finish_writing();
    end_.close();
  }

  void abort() {
    aborted_ = true;
    end_.abort();
  }

  [[nodiscard]] TracedEnd& end() const { return end_; }
  [[nodiscard]] std::size_t sent() const { return sent_; }
  [[nodiscard]] bool aborted() const { return aborted_; }

 private:
  void write() {
    if (wrote_eof_ || end_.transport().is_closing()) return;
    const std::size_t size = dice_.size();
    const std::string bytes = pattern(size, sent_);
    sent_ += size;
    switch (dice_.below(4)) {
      case 0:
        return end_.write(Chunk(std::string(bytes)));
      case 1: {
        const std::size_t cut = size == 0 ? 0 : dice_.below(size);
        const BytesView pieces[] = {BytesView(bytes).first(cut), BytesView(), BytesView(bytes).drop(cut)};
        return end_.writelines(pieces);
      }
      case 2: {
        std::vector<Chunk> chunks;
        for (std::size_t done = 0; done < size; done += 1000) {
          chunks.emplace_back(BytesView(bytes).drop(done).first(1000).to_string());
        }
        return end_.writelines(std::move(chunks));
      }
      default:
        return end_.write(bytes);
    }
  }

  TracedEnd& end_;
  Dice& dice_;
  const TracedEnd* rival_;
  std::size_t sent_ = 0;
  bool wrote_eof_ = false;
  bool aborted_ = false;
};

Ground ground_of(unsigned seed) {
  std::vector<Ground> grounds;
  for (const Ground& ground : each_receiver()) {
    if (Rig::obstacle(ground).empty()) grounds.push_back(ground);
  }
  return grounds[seed % grounds.size()];
}

/// An end that saw the end of file of another that did not abort has all that was sent; otherwise at most
/// that.
void expect_received(const TracedEnd& to, std::size_t sent, bool aborted) {
  EXPECT_TRUE(is_pattern(to.received));
  EXPECT_LE(to.received.size(), sent);
  if (to.eof_count == 1 && !aborted) {
    EXPECT_EQ(to.received.size(), sent) << "bytes were lost";
  }
}

/// Often keeps the kernel's buffer small, so that there is something to wait for. Seldom on TCP, which then
/// waits for its timers.
void tighten(const Rig& rig, TracedEnd& end, Dice& dice) {
  const bool tcp = rig.ground().is_tcp();
  if (dice.below(tcp ? 8 : 2) == 0)
    end.transport().socket().set_option(SOL_SOCKET, SO_SNDBUF, tcp ? 50'000 : 4096);
}

void play_between_two_transports(unsigned seed) {
  Dice dice(seed);
  Rig rig(ground_of(seed));
  const Rig::TracedLink link = rig.connect_pair();
  tighten(rig, link.here, dice);
  tighten(rig, link.there, dice);
  Player here(link.here, dice, &link.there);
  Player there(link.there, dice, &link.here);
  const auto both_lost = [&] { return link.here.lost() && link.there.lost(); };
  for (std::size_t moves = 20 + dice.below(300); moves > 0 && !both_lost(); --moves) {
    Player& mover = dice.below(2) == 0 ? here : there;
    dice.below(3) == 0 ? mover.move() : rig.in_loop([&] { mover.move(); });
    if (dice.below(3) == 0) rig.run_rounds(static_cast<int>(dice.below(4)));
  }
  for (Player* player : {&here, &there}) {
    if (player->end().lost()) continue;
    if (!player->end().transport().is_reading()) player->end().resume_reading();
    dice.below(2) == 0 ? player->finish_writing() : player->close();
  }
  // Whoever keeps its end open has to close it, once the other's end of file has come.
  rig.run_until([&] {
    for (Player* player : {&here, &there}) {
      TracedEnd& end = player->end();
      if (end.lost() || end.transport().is_closing()) continue;
      if (!end.transport().is_reading()) end.resume_reading();
      if (end.eof_count > 0) player->close();
    }
    return both_lost();
  });
  EXPECT_EQ(link.here.lost_count + link.there.lost_count, 2);
  expect_received(link.there, here.sent(), here.aborted());
  expect_received(link.here, there.sent(), there.aborted());
  static_cast<void>(rig.take_warnings());
  if (::testing::Test::HasFailure()) ADD_FAILURE() << rig.traces();
}

void play_against_a_raw_peer(unsigned seed) {
  Dice dice(seed);
  Rig rig(ground_of(seed));
  const Rig::RawLink link = rig.connect_raw();
  tighten(rig, link.end, dice);
  Player here(link.end, dice);
  RawPeer& peer = link.peer;
  std::size_t sent = 0;
  bool finished = false;
  const auto move_peer = [&] {
    switch (dice.below(16)) {
      case 0:
        if (dice.below(12) == 0 && !finished) peer.shutdown_write(), finished = true;
        return;
      case 1:
        if (dice.below(40) == 0) peer.reset();
        return;
      case 2:
        if (dice.below(40) == 0) peer.close();
        return;
      case 3:
      case 4:
      case 5:
      case 6:
        if (!finished) sent += peer.send_some(pattern(dice.size(), sent));
        return;
      default:
        peer.receive(dice.size());
    }
  };
  for (std::size_t moves = 20 + dice.below(300); moves > 0 && !link.end.lost() && peer.is_open(); --moves) {
    if (dice.below(2) == 0) {
      move_peer();
    } else {
      dice.below(3) == 0 ? here.move() : rig.in_loop([&] { here.move(); });
    }
    if (dice.below(3) == 0) rig.run_rounds(static_cast<int>(dice.below(4)));
  }
  if (peer.is_open()) {
    EXPECT_TRUE(is_pattern(peer.received));
    if (!finished) peer.shutdown_write();
  }
  rig.run_until([&] {
    if (peer.is_open()) peer.receive();
    if (!link.end.lost() && !link.end.transport().is_closing()) {
      if (!link.end.transport().is_reading()) link.end.resume_reading();
      if (link.end.eof_count > 0) link.end.close();
    }
    return link.end.lost();
  });
  EXPECT_EQ(link.end.lost_count, 1);
  EXPECT_TRUE(is_pattern(link.end.received));
  EXPECT_LE(link.end.received.size(), sent);
  if (link.end.eof_count == 1) {
    EXPECT_EQ(link.end.received.size(), sent) << "bytes were lost";
  }
  if (peer.is_open()) {
    rig.run_until([&] { return peer.at_end(); });
    EXPECT_TRUE(is_pattern(peer.received));
    EXPECT_LE(peer.received.size(), here.sent());
    // Over TLS an end of file without a close_notify is an ending by force.
    const bool in_order = !rig.ground().is_tls() || !link.end.reason;
    if (peer.saw_eof && !here.aborted() && in_order) {
      EXPECT_EQ(peer.received.size(), here.sent()) << "bytes were lost";
    }
  }
  static_cast<void>(rig.take_warnings());
  if (::testing::Test::HasFailure()) ADD_FAILURE() << rig.traces();
}

template <typename Play>
void play_many(Play play) {
  const unsigned first = from_environment("TIDEGATE_SOAK_SEED", 1);
  const unsigned runs = from_environment("TIDEGATE_SOAK_RUNS", 200);
  for (unsigned seed = first; seed != first + runs && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("TIDEGATE_SOAK_SEED=" + std::to_string(seed) + " TIDEGATE_SOAK_RUNS=1, on " +
                 to_string(ground_of(seed)));
    play(seed);
  }
}

TEST(StreamSoak, random_scripts_between_two_transports_keep_the_contract) {
  play_many(play_between_two_transports);
}

TEST(StreamSoak, random_scripts_against_a_raw_peer_keep_the_contract) { play_many(play_against_a_raw_peer); }

}  // namespace
}  // namespace tidegate::contract
