// Bringing both ends together: see play.hpp.
#include "differential/play.hpp"

#include "contract/rig.hpp"
#include "differential/actor.hpp"
#include "differential/raw_wire.hpp"
#include "differential/transport_wire.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace tidegate::differential {

namespace {

using contract::Ground;
using contract::Rig;
using contract::TracedEnd;

/// Far more than any script takes, also under a sanitizer on a busy machine.
constexpr std::chrono::seconds kDeadline{60};
/// Where the bytes of the other end begin in the pattern: nowhere near its own.
constexpr std::size_t kThereBegins = 30'011;

class Performance {
 public:
  Performance(const Script& script, const Ground& ground, Tally& tally)
      : script_(script),
        here_(script.here, 0, tally),
        there_(script.there, kThereBegins, tally),
        rig_(ground) {}

  Outcome perform() {
    connect();
    run();
    rig_.run_rounds(5);  // in which a callback too many would come
    Outcome outcome{std::string(rig_.loop().backend_name()), here_.outcome(), there_.outcome(), faults_,
                    rig_.traces()};
    check_what_was_said(outcome);
    return outcome;
  }

 private:
  void connect() {
    if (script_.there.raw) {
      rig_.connect_raw([this](TracedEnd& end, testing::RawPeer& peer) {
        here_wire_ = wire_for(end, script_.here, here_, there_);
        auto wire = std::make_unique<RawWire>(rig_.loop(), peer, there_, script_.there.read_size_bytes);
        there_.enter(rig_.loop(), *wire, here_, [this] { look_whether_over(); });
        rig_.loop().call_soon([begun = wire.get()] { begun->begin(); });
        there_wire_ = std::move(wire);
      });
    } else {
      rig_.connect_pair([this](TracedEnd& here, TracedEnd& there) {
        here_wire_ = wire_for(here, script_.here, here_, there_);
        there_wire_ = wire_for(there, script_.there, there_, here_);
      });
    }
  }

  std::unique_ptr<Wire> wire_for(TracedEnd& end, const EndScript& script, Actor& actor, Actor& other) {
    end.buffer_size_bytes = script.buffer_size_bytes;
    auto wire = std::make_unique<TransportWire>(end, actor);
    actor.enter(rig_.loop(), *wire, other, [this] { look_whether_over(); });
    return wire;
  }

  void look_whether_over() {
    if (running_ && here_.is_over() && there_.is_over()) rig_.loop().stop();
  }

  void run() {
    running_ = true;
    bool late = false;
    auto deadline = rig_.loop().call_later(kDeadline, [&] {
      late = true;
      rig_.loop().stop();
    });
    if (!here_.is_over() || !there_.is_over()) rig_.loop().run_forever();
    deadline.cancel();
    running_ = false;
    if (late) faults_.push_back("it has not ended: something got stuck");
  }

  void check_what_was_said(Outcome& outcome) {
    for (const contract::Report& report : rig_.take_reports()) {
      const bool scripted = report.exception != nullptr && describe(report.exception) == "scripted";
      if (!scripted) outcome.faults.push_back("the exception handler was told: " + report.message);
    }
    for (const std::string& warning : rig_.take_warnings()) {
      if (warning.find("write() on a transport whose connection was lost") == std::string::npos) {
        outcome.faults.push_back("the log says: " + warning);
      }
    }
  }

  const Script& script_;
  bool running_ = false;
  std::vector<std::string> faults_;
  // The rig goes first, and calls the others while it goes.
  Actor here_;
  Actor there_;
  std::unique_ptr<Wire> here_wire_;
  std::unique_ptr<Wire> there_wire_;
  Rig rig_;
};

}  // namespace

Outcome play(const Script& script, BackendKind backend, Tally& tally) {
  Ground ground = script.ground;
  ground.backend = backend;
  return Performance(script, ground, tally).perform();
}

}  // namespace tidegate::differential
