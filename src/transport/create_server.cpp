// Loop::create_server and Loop::create_unix_server: from names and paths to a server that listens.
#include <tidegate/loop.hpp>

#include "net/resolver.hpp"
#include "net/socket_options.hpp"
#include "transport/server.hpp"
#include "transport/unix_address.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace tidegate {

namespace {

using transport::StreamServer;

void check_backlog(int backlog) {
  if (backlog < 1) {
    throw std::invalid_argument("backlog is " + std::to_string(backlog) + ", expected at least 1");
  }
}

/// Throws std::invalid_argument.
transport::Securing securing_of(const char* caller, const auto& options) {
  return transport::secure_server({.caller = caller,
                                   .context = options.tls.get(),
                                   .handshake_timeout = options.tls_handshake_timeout,
                                   .shutdown_timeout = options.tls_shutdown_timeout});
}

/// A server that is closed unless it is handed out: whatever fails on the way leaves no socket behind.
class UnfinishedServer {
 public:
  explicit UnfinishedServer(Ref<StreamServer> server) noexcept : server_(std::move(server)) {}
  UnfinishedServer(UnfinishedServer&&) noexcept = default;
  UnfinishedServer& operator=(UnfinishedServer&&) = delete;
  ~UnfinishedServer() {
    if (server_) server_->close();
  }
  StreamServer* operator->() const noexcept { return server_.get(); }
  [[nodiscard]] Server finish(bool start_serving) {
    if (start_serving) server_->start_serving();
    return Server(Ref<ServerInterface>(std::move(server_)));
  }

 private:
  Ref<StreamServer> server_;
};

/// A bound socket; invalid where this machine does not have the address's family.
Socket bound_socket(kernel::Backend& backend, const Endpoint& endpoint, const ServerOptions& options,
                    bool many) {
  Socket socket;
  try {
    socket = backend.make_socket(endpoint.family(), net::SocketType::stream);
  } catch (const OsError& error) {
    const bool unsupported = error.code() == std::errc::address_family_not_supported ||
                             error.code() == std::errc::protocol_not_supported;
    if (many && unsupported) return {};  // the resolver knows of IPv6, the kernel does not
    throw;
  }
  if (options.reuse_address) net::set_reuse_address(socket.descriptor());
  if (options.reuse_port) net::set_reuse_port(socket.descriptor());
  // Or IPv6's "every interface" would take IPv4's as well, which is a socket of its own here.
  if (endpoint.family() == AddressFamily::ipv6) net::set_ipv6_only(socket.descriptor());
  try {
    socket.bind(endpoint);
  } catch (const OsError& error) {
    // An interface without IPv6 addresses refuses them; that is no reason to refuse the others.
    const bool no_such_address = error.code() == std::errc::address_not_available;
    if (many && no_such_address && endpoint.family() == AddressFamily::ipv6) return {};
    throw;
  }
  return socket;
}

/// One socket per address, all on one port: with port 0 the system chooses one for the first, and the others
/// follow.
std::vector<Socket> bound_sockets(kernel::Backend& backend, const std::vector<Endpoint>& endpoints,
                                  const ServerOptions& options) {
  std::vector<Socket> sockets;
  Port chosen;
  for (const Endpoint& endpoint : endpoints) {
    const Endpoint wanted = endpoint.port() == Port(0) ? endpoint.with_port(chosen) : endpoint;
    Socket socket = bound_socket(backend, wanted, options, endpoints.size() > 1);
    if (!socket.valid()) continue;
    if (chosen == Port(0)) chosen = socket.view().local_endpoint().port();
    sockets.push_back(std::move(socket));
  }
  if (!sockets.empty()) return sockets;
  throw OsError(std::make_error_code(std::errc::address_not_available),
                "create_server: no address like " + endpoints.front().to_string() + " on this machine");
}

/// The port that the system chose for the first address may be taken on another: then it chooses again.
std::vector<Socket> bound_sockets_with_luck(kernel::Backend& backend, const std::vector<Endpoint>& endpoints,
                                            const ServerOptions& options) {
  constexpr int kMostTries = 32;
  for (int tries = 1;; ++tries) {
    try {
      return bound_sockets(backend, endpoints, options);
    } catch (const OsError& error) {
      const bool bad_luck = endpoints.size() > 1 && endpoints.front().port() == Port(0) &&
                            error.code() == std::errc::address_in_use;
      if (!bad_luck || tries == kMostTries) throw;
    }
  }
}

Task<Server> serve_hosts(Loop& loop, ProtocolFactory factory, std::vector<std::string> hosts, Port port,
                         ServerOptions options, StreamServer::Listening listening) {
  std::vector<Endpoint> endpoints;
  for (const std::string& host : hosts) {
    auto resolving = loop.getaddrinfo(host, port, {.family = options.family, .passive = true});
    auto resolved = co_await std::move(resolving);
    for (Endpoint& endpoint : resolved) {
      if (std::find(endpoints.begin(), endpoints.end(), endpoint) == endpoints.end()) {
        endpoints.push_back(std::move(endpoint));
      }
    }
  }
  UnfinishedServer server(StreamServer::make(loop.core(), std::move(factory), std::move(listening)));
  kernel::Backend& backend = loop.core().backend();
  for (Socket& socket : bound_sockets_with_luck(backend, endpoints, options)) server->add(std::move(socket));
  co_return server.finish(options.start_serving);
}

Task<Server> serve_socket(Loop& loop, ProtocolFactory factory, Socket socket, bool start_serving,
                          StreamServer::Listening listening) {
  UnfinishedServer server(StreamServer::make(loop.core(), std::move(factory), std::move(listening)));
  server->add(std::move(socket));
  co_return server.finish(start_serving);
}

Task<Server> serve_unix(Loop& loop, ProtocolFactory factory, Endpoint endpoint, UnixServerOptions options,
                        StreamServer::Listening listening) {
  UnfinishedServer server(StreamServer::make(loop.core(), std::move(factory), std::move(listening)));
  kernel::Backend& backend = loop.core().backend();
  const auto make_socket = [&backend] {
    return backend.make_socket(AddressFamily::unix_domain, net::SocketType::stream);
  };
  transport::remove_stale_socket_file(endpoint, make_socket());
  Socket socket = make_socket();
  socket.bind(endpoint);
  const bool owns_file = options.cleanup_socket && !endpoint.is_abstract();
  server->add(std::move(socket), owns_file ? transport::UnixSocketFile(std::string(endpoint.path()))
                                           : transport::UnixSocketFile());
  co_return server.finish(options.start_serving);
}

}  // namespace

Task<Server> Loop::start_server(ProtocolFactory factory, std::vector<std::string> hosts, Port port,
                                const ServerOptions& options) {
  check_backlog(options.backlog);
  if (hosts.empty()) throw std::invalid_argument("create_server: the list of hosts is empty");
  StreamServer::Listening listening{.backlog = options.backlog,
                                    .keep_alive = options.keep_alive,
                                    .securing = securing_of("create_server", options)};
  return serve_hosts(*this, std::move(factory), std::move(hosts), port, options, std::move(listening));
}

Task<Server> Loop::start_server(ProtocolFactory factory, Socket socket, const ServerOptions& options) {
  check_backlog(options.backlog);
  if (!net::is_stream_socket(socket.descriptor())) {
    throw std::invalid_argument("create_server: a stream socket was expected, descriptor " +
                                std::to_string(socket.descriptor().number) + " is not one");
  }
  StreamServer::Listening listening{.backlog = options.backlog,
                                    .keep_alive = options.keep_alive,
                                    .securing = securing_of("create_server", options)};
  return serve_socket(*this, std::move(factory), std::move(socket), options.start_serving,
                      std::move(listening));
}

Task<Server> Loop::start_unix_server(ProtocolFactory factory, std::string_view path,
                                     const UnixServerOptions& options) {
  check_backlog(options.backlog);
  StreamServer::Listening listening{.backlog = options.backlog,
                                    .keep_alive = false,
                                    .securing = securing_of("create_unix_server", options)};
  return serve_unix(*this, std::move(factory), transport::unix_endpoint(path), options, std::move(listening));
}

}  // namespace tidegate
