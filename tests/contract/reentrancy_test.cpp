// Every callback does everything to its own transport: whatever it does, the order of callbacks holds,
// connection_lost comes once, and nothing is left behind (L2, L4, L5, L7, L8, R2, W5, F5, F7). The trace and
// the rig check all of that.
#include "contract/contract_test.hpp"

#include <functional>
#include <ostream>
#include <string>
#include <tuple>
#include <vector>

namespace tidegate::contract {
namespace {

enum class Moment {
  connection_made,
  data_received,
  get_buffer,
  buffer_updated,
  eof_received,
  pause_writing,
  resume_writing,
  connection_lost
};
constexpr Moment kMoments[] = {Moment::connection_made, Moment::data_received,  Moment::get_buffer,
                               Moment::buffer_updated,  Moment::eof_received,   Moment::pause_writing,
                               Moment::resume_writing,  Moment::connection_lost};
constexpr const char* kMomentNames[] = {"connection_made", "data_received",  "get_buffer",
                                        "buffer_updated",  "eof_received",   "pause_writing",
                                        "resume_writing",  "connection_lost"};

enum class Action {
  close,
  abort,
  write_small,
  write_huge,
  write_eof,
  pause_reading,
  resume_reading,
  set_protocol,
  set_limits,
  drop,
  fail
};
constexpr Action kActions[] = {Action::close,          Action::abort,        Action::write_small,
                               Action::write_huge,     Action::write_eof,    Action::pause_reading,
                               Action::resume_reading, Action::set_protocol, Action::set_limits,
                               Action::drop,           Action::fail};
constexpr const char* kActionNames[] = {"close",          "abort",        "write_small",
                                        "write_huge",     "write_eof",    "pause_reading",
                                        "resume_reading", "set_protocol", "set_write_buffer_limits",
                                        "drop",           "throw"};

std::string name_of(Moment moment) { return kMomentNames[static_cast<std::size_t>(moment)]; }
std::string name_of(Action action) { return kActionNames[static_cast<std::size_t>(action)]; }

bool fits(Moment moment, Receiver receiver) {
  if (moment == Moment::data_received) return receiver == Receiver::plain;
  if (moment == Moment::get_buffer || moment == Moment::buffer_updated) return receiver == Receiver::buffered;
  return true;
}

/// One connection through all moments of its life, with some actions done at one of them, once.
class Scene {
 public:
  Scene(const Ground& ground, Moment moment, std::vector<Action> actions)
      : rig_(ground), moment_(moment), actions_(std::move(actions)) {}

  void play() {
    const bool failed_before = ::testing::Test::HasFailure();
    const Rig::RawLink link = rig_.connect_raw([&](TracedEnd& end, RawPeer& peer) {
      end_ = &end;
      peer_ = &peer;
      hang_hook();
    });
    static_cast<void>(link);
    receive_something();
    fill_and_pause();
    drain_and_resume();
    half_close();
    finish();
    EXPECT_EQ(end_->made_count, 1);
    EXPECT_EQ(end_->lost_count, 1);
    EXPECT_TRUE(done_) << "the moment never came";
    const std::vector<Report> reports = rig_.take_reports();
    EXPECT_EQ(reports.size(), thrown_ ? 1U : 0U);
    static_cast<void>(rig_.take_warnings());
    if (!failed_before && ::testing::Test::HasFailure()) ADD_FAILURE() << rig_.traces();
  }

 private:
  void act_once() {
    if (std::exchange(done_, true)) return;
    for (const Action action : actions_) {
      if (end_->ref()) act(action);
    }
  }

  void act(Action action) {
    switch (action) {
      case Action::close:
        return end_->close();
      case Action::abort:
        return end_->abort();
      case Action::write_small:
        if (!wrote_eof_) end_->write("small");
        return;
      case Action::write_huge:
        if (!wrote_eof_) end_->write(std::string(2'000'000, 'h'));
        return;
      case Action::write_eof:
        if (!end_->transport().can_write_eof()) return;
        wrote_eof_ = wrote_eof_ || !end_->transport().is_closing();
        return end_->write_eof();
      case Action::pause_reading:
        return end_->pause_reading();
      case Action::resume_reading:
        return end_->resume_reading();
      case Action::set_protocol:
        static_cast<void>(end_->switch_protocol(Receiver::buffered));
        return;
      case Action::set_limits:
        return end_->set_limits({.high = 0});
      case Action::drop:
        return end_->drop();
      case Action::fail:
        thrown_ = true;
        std::rethrow_exception(failure("thrown by the action"));
    }
  }

  void hang_hook() {
    const auto act = [this] { act_once(); };
    switch (moment_) {
      case Moment::connection_made:
        end_->on.connection_made = act;
        break;
      case Moment::data_received:
        end_->on.data_received = [act](BytesView) { act(); };
        break;
      case Moment::get_buffer:
        end_->on.get_buffer = [this, act](std::ptrdiff_t) {
          act();
          return MutableBytesView(memory_);
        };
        break;
      case Moment::buffer_updated:
        end_->on.buffer_updated = [act](std::size_t) { act(); };
        break;
      case Moment::eof_received:
        end_->on.eof_received = [act] {
          act();
          return false;
        };
        break;
      case Moment::pause_writing:
        end_->on.pause_writing = act;
        break;
      case Moment::resume_writing:
        end_->on.resume_writing = act;
        break;
      case Moment::connection_lost:
        end_->on.connection_lost = [act](const Error&) { act(); };
        break;
    }
  }

  [[nodiscard]] bool alive() const { return end_->ref() && !end_->transport().is_closing(); }
  [[nodiscard]] bool can_write() const { return alive() && !wrote_eof_; }

  void receive_something() {
    peer_->send_some("some data");
    rig_.run_until_quiet();
  }
  void fill_and_pause() {
    if (!can_write()) return;
    rig_.fill_kernel(*end_);
    if (!can_write()) return;
    end_->set_limits({.high = end_->buffered()});
    rig_.in_loop([this] {
      if (can_write()) end_->write("over the mark");
    });
  }
  void drain_and_resume() {
    for (int rounds = 0; rounds < 20; ++rounds) {
      peer_->receive();
      rig_.run_rounds(3);
    }
    if (moment_ != Moment::resume_writing) return;
    rig_.run_until([this] {  // on which TLS, with two buffers, may be slower
      peer_->receive();
      return done_ || !alive() || !end_->writing_paused;
    });
  }
  void half_close() {
    peer_->send_some("last data");
    peer_->shutdown_write();
    rig_.run_until_quiet();
  }
  void finish() {
    drain_and_resume();
    peer_->close();
    rig_.run_until_quiet();
    if (end_->lost()) return;
    if (end_->ref()) {
      end_->resume_reading();
      rig_.run_until_quiet();
    }
    if (!end_->lost()) end_->end_by_force();
    rig_.run_until([this] { return end_->lost(); });
  }

  Rig rig_;
  Moment moment_;
  std::vector<Action> actions_;
  TracedEnd* end_ = nullptr;
  RawPeer* peer_ = nullptr;
  std::string memory_ = std::string(1000, '.');
  bool done_ = false;
  bool thrown_ = false;
  bool wrote_eof_ = false;
};

void play_on(const std::vector<Ground>& grounds, Moment moment, const std::vector<Action>& actions) {
  for (const Ground& ground : grounds) {
    if (!fits(moment, ground.receiver) || !Rig::obstacle(ground).empty()) continue;
    std::string names;
    for (const Action action : actions) names.append(" ").append(name_of(action));
    SCOPED_TRACE(to_string(ground) + ", " + name_of(moment) + ":" + names);
    Scene(ground, moment, actions).play();
  }
}

// --- one action ----------------------------------------------------------------------------------

class Reentrancy : public ::testing::TestWithParam<std::tuple<Moment, Action>> {};

TEST_P(Reentrancy, the_order_holds_and_the_connection_ends_once_whatever_the_callback_does) {
  const auto [moment, action] = GetParam();
  play_on(each_receiver(), moment, {action});
}

INSTANTIATE_TEST_SUITE_P(Streams, Reentrancy,
                         ::testing::Combine(::testing::ValuesIn(kMoments), ::testing::ValuesIn(kActions)),
                         [](const ::testing::TestParamInfo<std::tuple<Moment, Action>>& parameter) {
                           return name_of(std::get<0>(parameter.param)) + "_does_" +
                                  name_of(std::get<1>(parameter.param));
                         });

// --- two actions, one after the other ------------------------------------------------------------

class ReentrancyInPairs : public ::testing::TestWithParam<Moment> {};

TEST_P(ReentrancyInPairs, the_order_holds_and_the_connection_ends_once_whatever_the_callback_does) {
  std::vector<Ground> grounds;
  for (const BackendKind backend : backends()) {
    grounds.push_back({Carrier::tcp_ipv4, backend, Side::connecting, Receiver::plain});
    grounds.push_back({Carrier::socket_pair, backend, Side::accepted, Receiver::buffered});
  }
  for (const Action first : kActions) {
    for (const Action second : kActions) {
      if (first != Action::fail && first != Action::drop) play_on(grounds, GetParam(), {first, second});
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Streams, ReentrancyInPairs, ::testing::ValuesIn(kMoments),
                         [](const ::testing::TestParamInfo<Moment>& parameter) {
                           return name_of(parameter.param);
                         });

}  // namespace
}  // namespace tidegate::contract
