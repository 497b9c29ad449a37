// A server: see server.hpp.
#include "transport/server.hpp"

#include "net/socket_options.hpp"
#include "transport/layer.hpp"

#include <utility>

namespace tidegate::transport {

Ref<StreamServer> StreamServer::make(loop::LoopCore& core, ProtocolFactory factory, Listening listening) {
  return Ref<StreamServer>(new StreamServer(core, std::move(factory), std::move(listening)));
}

StreamServer::StreamServer(loop::LoopCore& core, ProtocolFactory factory, Listening listening)
    : core_(core), factory_(std::move(factory)), listening_(std::move(listening)) {}

void StreamServer::release() noexcept {
  if (--holders_ == 0) delete this;
}

void StreamServer::add(Socket socket, UnixSocketFile file) {
  if (listening_.keep_alive) net::set_keep_alive(socket.descriptor());  // handed down to what is accepted
  acceptors_.reserve(acceptors_.size() + 1);
  files_.push_back(std::move(file));
  acceptors_.push_back(Acceptor::make(core_, std::move(socket), listening_.backlog, *this));
  hold_itself();
}

void StreamServer::hold_itself() noexcept {
  if (std::exchange(holds_itself_, true)) return;
  retain();
  core_.admit(*this);
}

// --- serving -------------------------------------------------------------------------------------

std::vector<SocketView> StreamServer::sockets() const {
  std::vector<SocketView> views;
  for (const Acceptor* acceptor : acceptors_) views.push_back(acceptor->socket());
  return views;
}

void StreamServer::start_serving() {
  if (is_closed()) throw InvalidStateError("server is closed");
  for (Acceptor* acceptor : acceptors_) acceptor->start();
  serving_ = true;
}

/// The factory is the user's: it may close this server, and drop the last reference to it.
std::shared_ptr<BaseProtocol> StreamServer::make_protocol() {
  struct Making {
    StreamServer& server;
    explicit Making(StreamServer& made_by) noexcept : server(made_by) { server.in_factory_ = true; }
    ~Making() { server.in_factory_ = false; }
  } making(*this);
  return factory_();
}

void StreamServer::connection_accepted(OwnedFileDescriptor descriptor, Endpoint peer) {
  const Ref<StreamServer> alive(this);
  try {
    auto protocol = make_protocol();
    if (closed_) return;  // by the factory: whoever it was for is turned away
    if (listening_.securing) {
      protocol = make_layer(core_, listening_.securing, std::move(protocol), Opening::reported);
    }
    const kernel::ChannelId channel = core_.backend().attach(std::move(descriptor));
    try {
      const auto transport = StreamTransport::make(core_, channel, peer, std::move(protocol), this);
      transport->open_soon();
    } catch (...) {
      core_.backend().close(channel);
      throw;
    }
  } catch (...) {
    core_.report("Error on transport creation for incoming connection", std::current_exception());
  }
}

// --- the end -------------------------------------------------------------------------------------

void StreamServer::close() {
  if (std::exchange(closed_, true)) return;
  serving_ = false;
  for (UnixSocketFile& file : std::exchange(files_, {})) file.remove();
  for (Acceptor* acceptor : std::exchange(acceptors_, {})) acceptor->close();
  if (serving_forever_ && !serving_forever_.done()) serving_forever_.cancel();
  finish_if_idle();
}

/// It has left the list already.
void StreamServer::connection_ended(StreamTransport&) noexcept { finish_if_idle(); }

/// Tells those who wait for the end, and lets go of itself: this may be gone when it returns.
void StreamServer::finish_if_idle() noexcept {
  if (!is_finished()) return;
  for (Future<void>& waiting : std::exchange(waiting_for_end_, {})) {
    if (!waiting.done()) waiting.set_result();
  }
  if (!in_factory_) factory_ = nullptr;  // it may hold a reference to this server
  loop::Resident::unlink();
  if (std::exchange(holds_itself_, false)) release();
}

void StreamServer::loop_closed() noexcept {
  closed_ = true;
  serving_ = false;
  for (UnixSocketFile& file : std::exchange(files_, {})) file.remove();
  for (Acceptor* acceptor : std::exchange(acceptors_, {})) acceptor->close();
  waiting_for_end_.clear();
  const Ref<StreamServer> alive(this);
  for (auto next = connections_.begin(); next != connections_.end();) {
    StreamTransport& connection = *next++;  // it may be gone when it has been told
    connection.loop_closed();
  }
  finish_if_idle();  // otherwise when the last one has ended
}

namespace {

/// The transport that the program knows: `transport`, or that of the last layer over it.
TransportRef topmost(Transport& transport) {
  auto* const layer = dynamic_cast<Layer*>(transport.get_protocol().get());
  return layer == nullptr ? TransportRef(&transport) : topmost(layer->above());
}

}  // namespace

/// Closing a connection can't end it at once, but what it calls may end others of the list.
template <typename Act>
void StreamServer::for_each_client(const Act& act) {
  std::vector<TransportRef> clients;
  for (StreamTransport& client : connections_) clients.push_back(topmost(client));
  for (const TransportRef& client : clients) act(*client);
}

void StreamServer::close_clients() {
  for_each_client([](Transport& client) { client.close(); });
}

void StreamServer::abort_clients() {
  for_each_client([](Transport& client) { client.abort(); });
}

// --- waiting -------------------------------------------------------------------------------------

Task<void> StreamServer::serve_forever() {
  if (serving_forever_) throw InvalidStateError("server is already being awaited on serve_forever()");
  if (is_closed()) throw InvalidStateError("server is closed");
  return serve_until_cancelled(Ref<StreamServer>(this));
}

Task<void> StreamServer::serve_until_cancelled(Ref<StreamServer> server) {
  if (server->serving_forever_) {
    throw InvalidStateError("server is already being awaited on serve_forever()");
  }
  server->start_serving();
  server->serving_forever_ = server->core_.loop().create_future<void>();
  std::exception_ptr ended;
  try {
    co_await server->serving_forever_;
  } catch (const CancelledError&) {
    ended = std::current_exception();
  }
  server->serving_forever_ = Future<void>();
  server->close();
  co_await server->wait_closed();
  std::rethrow_exception(ended);
}

Task<void> StreamServer::wait_closed() { return wait_until_closed(Ref<StreamServer>(this)); }

Task<void> StreamServer::wait_until_closed(Ref<StreamServer> server) {
  if (server->is_finished()) co_return;
  auto end = server->core_.loop().create_future<void>();
  server->waiting_for_end_.push_back(end);
  co_await end;
}

}  // namespace tidegate::transport

namespace tidegate {

std::vector<Endpoint> Server::endpoints() const {
  std::vector<Endpoint> endpoints;
  for (const SocketView& socket : sockets()) endpoints.push_back(socket.local_endpoint());
  return endpoints;
}

Task<void> Server::serve_forever() const { return server_->serve_forever(); }
Task<void> Server::wait_closed() const { return server_->wait_closed(); }

}  // namespace tidegate
