// One transport under test and the plain socket at its other end. Knows no clause.
#pragma once

#include <tidegate/tidegate.hpp>

#include "budget/peer.hpp"
#include "contract/loop_rig.hpp"

#include <memory>
#include <utility>

namespace tidegate::budget {

using loop_rig::Recorder;

class PairTest : public loop_rig::LoopTest {
 protected:
  /// A transport over one end of a socket pair.
  struct Pair {
    std::shared_ptr<Recorder> recorder;
    TransportRef transport;
    Peer peer;
  };
  Pair connected_pair() {
    auto [own, other] = Socket::pair();
    Pair pair;
    pair.recorder = std::make_shared<Recorder>();
    pair.transport = run(loop().create_connection([&] { return pair.recorder; }, std::move(own))).transport;
    pair.peer = Peer(other.release());
    turns(2);
    return pair;
  }
};

}  // namespace tidegate::budget
