// connection_made, in the loop: see open_connection.hpp.
#include "transport/open_connection.hpp"

#include <tidegate/sleep.hpp>

#include <utility>

namespace tidegate::transport {

namespace {

/// Drops a connection that nobody has heard of.
struct AbortUnlessOpened {
  StreamTransport* transport;
  bool opened = false;

  explicit AbortUnlessOpened(StreamTransport& made) noexcept : transport(&made) {}
  AbortUnlessOpened(const AbortUnlessOpened&) = delete;
  AbortUnlessOpened& operator=(const AbortUnlessOpened&) = delete;
  ~AbortUnlessOpened() {
    if (!opened) transport->abort();
  }
};

/// Takes the guard along from the start: a coroutine that is dropped before its first step has no locals yet.
Task<Connection<BaseProtocol>> open_guarded(Ref<StreamTransport> transport,
                                            std::shared_ptr<BaseProtocol> protocol,
                                            std::unique_ptr<AbortUnlessOpened> guard) {
  auto turn = sleep(Duration::zero());
  co_await std::move(turn);
  transport->open();
  guard->opened = true;
  co_return Connection<BaseProtocol>{TransportRef(transport), std::move(protocol)};
}

}  // namespace

Task<Connection<BaseProtocol>> open_connection(Ref<StreamTransport> transport,
                                               std::shared_ptr<BaseProtocol> protocol) {
  auto guard = std::make_unique<AbortUnlessOpened>(*transport);
  return open_guarded(std::move(transport), std::move(protocol), std::move(guard));
}

}  // namespace tidegate::transport
