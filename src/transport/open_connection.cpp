// connection_made, in the loop: see open_connection.hpp.
#include "transport/open_connection.hpp"

#include <tidegate/sleep.hpp>

#include <utility>

namespace tidegate::transport {

namespace {

/// Drops a connection that nobody has heard of.
struct AbortUnlessOpened {
  /// A share of its own: GCC 12 destroys the parameters of a coroutine from the first one on.
  Ref<StreamTransport> transport;
  Future<TransportRef> awaited;  // of a layer
  bool opened = false;

  explicit AbortUnlessOpened(Ref<StreamTransport> made) noexcept : transport(std::move(made)) {}
  AbortUnlessOpened(const AbortUnlessOpened&) = delete;
  AbortUnlessOpened& operator=(const AbortUnlessOpened&) = delete;
  ~AbortUnlessOpened() {
    if (opened) return;
    if (awaited && !awaited.done()) awaited.cancel();  // nobody will ask for it
    transport->abort();
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

/// The same for a layer, whose handshake comes after that.
Task<Connection<BaseProtocol>> open_layer_guarded(Ref<StreamTransport> transport, Future<TransportRef> opened,
                                                  std::shared_ptr<BaseProtocol> protocol,
                                                  std::unique_ptr<AbortUnlessOpened> guard) {
  auto turn = sleep(Duration::zero());
  co_await std::move(turn);
  transport->open();
  TransportRef above = co_await opened;
  guard->opened = true;
  co_return Connection<BaseProtocol>{std::move(above), std::move(protocol)};
}

}  // namespace

Task<Connection<BaseProtocol>> open_connection(Ref<StreamTransport> transport,
                                               std::shared_ptr<BaseProtocol> protocol) {
  auto guard = std::make_unique<AbortUnlessOpened>(transport);
  return open_guarded(std::move(transport), std::move(protocol), std::move(guard));
}

Task<Connection<BaseProtocol>> open_layer(Ref<StreamTransport> transport, std::shared_ptr<Layer> layer,
                                          std::shared_ptr<BaseProtocol> protocol) {
  auto guard = std::make_unique<AbortUnlessOpened>(transport);
  guard->awaited = layer->opened();
  return open_layer_guarded(std::move(transport), layer->opened(), std::move(protocol), std::move(guard));
}

}  // namespace tidegate::transport
