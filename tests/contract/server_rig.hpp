// What the tests of servers share: a server of recorders, whether it answers, and its end.
#pragma once

#include <tidegate/tidegate.hpp>

#include "contract/loop_rig.hpp"

#include <string>

namespace tidegate::loop_rig {

class ServerTest : public LoopTest {
 protected:
  /// A server of Recorders on 127.0.0.1.
  Server serve(const ServerOptions& options = {}) {
    return run(loop().create_server(recorders.factory(), "127.0.0.1", 0, options));
  }

  /// Whether what is sent there comes back.
  bool echoes(const Endpoint& endpoint) {
    const OwnedFileDescriptor client = raw_connect(endpoint);
    if (!client.valid()) return false;
    raw_send(client, "hello");
    std::string answer;
    const bool came = run_until([&] {
      answer += raw_receive_now(client);
      return answer.size() >= 5;
    });
    return came && answer == "hello";
  }

  /// Ends a server and everything that came through it.
  void end(Server& server) {
    server.abort_clients();
    server.close();
    run(server.wait_closed());
  }

  Recorders recorders;
};

}  // namespace tidegate::loop_rig
