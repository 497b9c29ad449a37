// Flows of listening, accepting and connecting by themselves: see flows.hpp.
#include "faults/conversation.hpp"
#include "faults/flows.hpp"
#include "net/descriptor_calls.hpp"
#include "net/socket_address.hpp"

#include <cerrno>
#include <utility>
#include <vector>

namespace tidegate::faults {

namespace {

Endpoint at(Port port) { return Endpoint::ipv4({127, 0, 0, 1}, port); }

/// Somebody else calls: none of that is what may fail.
Socket call_from_outside(const Stage& stage, Port port) {
  const Spared spared;
  Socket caller = stage.stream_socket();
  const net::SocketAddress address = net::to_sockaddr(at(port));
  const int outcome = net::call::connect(caller.descriptor(), address.get(), address.length);
  if (outcome != 0 && errno != EINPROGRESS) throw CutShort("nobody could call");
  return caller;
}

/// Closing it will reset the connection.
void set_to_reset(const Socket& socket) {
  const Spared spared;
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  static_cast<void>(
      net::call::setsockopt(socket.descriptor(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once));
}

/// Enough for whatever is under way, and for a loop that spins to show.
Task<void> some_turns() {
  for (int turn = 0; turn < 20; ++turn) {
    auto passing = sleep(turn % 10 == 9 ? std::chrono::milliseconds(1) : Duration::zero());
    co_await std::move(passing);
  }
}

}  // namespace

/// A server comes and goes.
Task<void> play_serving(Stage& stage) {
  stage.begin();
  const auto fate = std::make_shared<Fate>();
  auto serving = stage.loop().create_server(MakesEnd<Answerer>(stage, fate), "127.0.0.1", 0);
  Listening listening(co_await std::move(serving));
  listening.server().close();
  auto closed = listening.server().wait_closed();
  co_await std::move(closed);
}

/// Some connections of others come in. Where accepting pauses, that is all that happens for a while.
Task<void> play_accepting(Stage& stage) {
  constexpr std::size_t kPeers = 4;
  std::size_t made = 0;
  class Counted final : public Protocol {
   public:
    Counted(Stage& stage, std::size_t& made) noexcept : stage_(stage), made_(made) {}
    void connection_made(TransportRef) override {
      ++made_;
      stage_.changed();
    }
    void connection_lost(const Error& reason) override { stage_.lost(reason); }

   private:
    Stage& stage_;  // Lifetime: both outlive it
    std::size_t& made_;
  };
  auto serving =
      stage.loop().create_server([&] { return std::make_shared<Counted>(stage, made); }, "127.0.0.1", 0);
  Listening listening(co_await std::move(serving));
  stage.begin();
  std::vector<Socket> peers;
  for (std::size_t peer = 1; peer <= kPeers; ++peer) {
    peers.push_back(call_from_outside(stage, listening.port()));
    while (made < peer && stage.observed().reported.empty()) {
      auto change = stage.change();
      co_await change;
    }
  }
  auto quiet = some_turns();
  co_await std::move(quiet);
  const unsigned calls = calls_made();
  if (!stage.observed().reported.empty()) {
    auto still = some_turns();
    co_await std::move(still);
    if (calls_made() > calls) throw CutShort("it goes on accepting");
  }
  listening.server().abort_clients();
  listening.server().close();
  auto closed = listening.server().wait_closed();
  co_await std::move(closed);
}

/// The other end of an accepted connection resets it.
Task<void> play_reset(Stage& stage) {
  stage.begin();
  const auto fate = std::make_shared<Fate>();
  auto serving = stage.loop().create_server(MakesEnd<Answerer>(stage, fate), "127.0.0.1", 0);
  const Listening listening(co_await std::move(serving));
  Socket peer = call_from_outside(stage, listening.port());
  set_to_reset(peer);
  while (!fate->is_made && stage.observed().reported.empty()) {
    auto change = stage.change();
    co_await change;
  }
  peer.close();
  while (!fate->is_over()) {
    auto change = stage.change();
    co_await change;
  }
}

Task<void> leave_open(Stage& stage) {
  auto connecting = converse_over_pair<Answerer>(stage);
  const Conversation conversation = co_await std::move(connecting);
  conversation.asker->transport()->pause_reading();
  for (int round = 0; round < 4; ++round) conversation.asker->ask(kMuchBytes);
  const auto wait = [](Future<void> future) -> Task<void> { co_await future; };
  auto never = stage.loop().create_future<void>();
  static_cast<void>(stage.loop().create_task(wait(never)));
  static_cast<void>(stage.loop().call_later(std::chrono::hours(1), [] {}));
  auto turns = some_turns();
  co_await std::move(turns);
}

/// To somebody who listens and does nothing else.
Task<void> play_connecting(Stage& stage) {
  const Socket listener = stage.stream_socket();
  listener.bind(at(0));
  listener.listen(1);
  stage.begin();
  const auto fate = std::make_shared<Fate>();
  auto connecting = stage.loop().create_connection(MakesEnd<Asker>(stage, fate), "127.0.0.1",
                                                   listener.view().local_endpoint().port());
  const auto connection = co_await std::move(connecting);
  connection.transport->abort();
  while (!fate->is_lost) {
    auto change = stage.change();
    co_await change;
  }
}

}  // namespace tidegate::faults
