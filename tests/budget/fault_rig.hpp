// The fixture of the tests in which system calls fail. Knows no clause.
#pragma once

#include <tidegate/tidegate.hpp>

#include "budget/meters.hpp"
#include "budget/pair_rig.hpp"
#include "contract/loop_rig.hpp"

namespace tidegate::budget {

using loop_rig::Recorders;

class FaultTest : public PairTest {
 protected:
  Server serve(const ServerOptions& options = {}) {
    return run(loop().create_server(recorders.factory(), "127.0.0.1", 0, options));
  }
  void end(Server& server) {
    server.abort_clients();
    server.close();
    run(server.wait_closed());
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
