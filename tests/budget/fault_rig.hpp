// The fixture of the tests in which system calls fail. Knows no clause.
#pragma once

#include <tidegate/tidegate.hpp>

#include "budget/meters.hpp"
#include "budget/peer.hpp"
#include "contract/loop_rig.hpp"

#include <memory>

namespace tidegate::budget {

using loop_rig::Recorder;
using loop_rig::Recorders;

class FaultTest : public loop_rig::LoopTest {
 protected:
  Server serve(const ServerOptions& options = {}) {
    return run(loop().create_server(recorders.factory(), "127.0.0.1", 0, options));
  }
  void end(Server& server) {
    server.abort_clients();
    server.close();
    run(server.wait_closed());
  }

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

  /// Runs the loop without waking it in between, until `recorders` count a connection more or the deadline
  /// passes.
  bool run_until_connected(Duration limit) {
    bool connected = false;
    recorders.on_made = [&](Recorder&) {
      connected = true;
      loop().stop();
    };
    TimerHandle watchdog = loop().call_later(limit, [&] { loop().stop(); });
    loop().run_forever();
    watchdog.cancel();
    recorders.on_made = nullptr;
    return connected;
  }

  Recorders recorders;
};

}  // namespace tidegate::budget
