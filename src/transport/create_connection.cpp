// Loop::create_connection and its kin: from names, paths and sockets to a transport with its protocol.
#include <tidegate/loop.hpp>
#include <tidegate/sleep.hpp>

#include "net/interleave.hpp"
#include "net/socket_options.hpp"
#include "transport/address_race.hpp"
#include "transport/open_connection.hpp"
#include "transport/securing.hpp"
#include "transport/stream_transport.hpp"
#include "transport/unix_address.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace tidegate {

namespace {

using transport::Connected;
using transport::Layer;
using transport::Opening;
using transport::OwnedChannel;
using transport::Securing;
using transport::StreamTransport;

/// Gives a connected channel its protocol. The factory runs now, `connection_made` in the loop's next round
/// (L1), or when the connection is secured (T1).
Task<Connection<BaseProtocol>> establish(Loop& loop, ProtocolFactory factory, Connected connected,
                                         Securing securing) {
  auto protocol = factory();
  std::shared_ptr<Layer> layer;
  if (securing) layer = make_layer(loop.core(), securing, protocol, Opening::awaited);
  auto lowest = layer ? std::shared_ptr<BaseProtocol>(layer) : protocol;
  auto transport = StreamTransport::make(loop.core(), connected.channel.get(), std::move(connected.peer),
                                         std::move(lowest), nullptr);
  static_cast<void>(connected.channel.release());
  // From here on the transport owns the descriptor.
  auto opening = layer ? transport::open_layer(std::move(transport), std::move(layer), std::move(protocol))
                       : transport::open_connection(std::move(transport), std::move(protocol));
  co_return co_await std::move(opening);
}

Connected adopt(Loop& loop, Socket socket) {
  net::set_nonblocking(socket.descriptor());
  net::set_close_on_exec(socket.descriptor());
  net::set_no_delay(socket.descriptor());
  Endpoint peer = socket.view().remote_endpoint();
  OwnedChannel channel(loop.core(), loop.core().backend().attach(socket.release()));
  return {std::move(channel), std::move(peer)};
}

Task<Connection<BaseProtocol>> establish_over(Loop& loop, ProtocolFactory factory, Socket socket,
                                              Securing securing) {
  auto established = establish(loop, std::move(factory), adopt(loop, std::move(socket)), std::move(securing));
  co_return co_await std::move(established);
}

/// `ConnectOptions` with what it points to.
struct OwnedConnectOptions {
  explicit OwnedConnectOptions(const ConnectOptions& options)
      : family(options.family),
        stagger(options.happy_eyeballs_delay),
        // RFC 8305 is about families that do not work; alternating them is its other half.
        interleave(options.interleave.value_or(options.happy_eyeballs_delay ? 1 : 0)),
        local_host(options.local_host),
        local_port(options.local_port),
        binds(!options.local_host.empty() || options.local_port != Port(0)) {}

  AddressFamily family;
  std::optional<Duration> stagger;
  std::size_t interleave;
  std::string local_host;
  Port local_port;
  bool binds;
};

Task<Connection<BaseProtocol>> connect_tcp(Loop& loop, ProtocolFactory factory, std::string host, Port port,
                                           OwnedConnectOptions options, Securing securing) {
  auto resolving = loop.getaddrinfo(host, port, {.family = options.family});
  transport::RaceTerms terms;
  auto resolved = co_await std::move(resolving);
  terms.endpoints = net::interleave(std::move(resolved), options.interleave);
  terms.target = host + ":" + std::to_string(port.number());
  terms.stagger = options.stagger;
  if (options.binds) {
    auto local =
        loop.getaddrinfo(options.local_host, options.local_port, {.family = options.family, .passive = true});
    terms.local_endpoints = co_await std::move(local);
  }
  auto race = transport::connect_to_first(loop.core(), std::move(terms));
  Connected connected = co_await std::move(race);
  net::set_no_delay(loop.core().backend().descriptor(connected.channel.get()));
  auto established = establish(loop, std::move(factory), std::move(connected), std::move(securing));
  co_return co_await std::move(established);
}

/// A Unix socket whose listener's queue is full says EAGAIN, and nothing tells when there is room: a blocking
/// connect would wait, and so do we, looking again ever more seldom.
Task<Connection<BaseProtocol>> connect_unix_path(Loop& loop, ProtocolFactory factory, Endpoint endpoint,
                                                 Securing securing) {
  constexpr Duration kFirstPause = std::chrono::milliseconds(1);
  constexpr Duration kLongestPause = std::chrono::milliseconds(50);
  Connected connected;
  for (Duration pause = kFirstPause; !connected.channel.valid(); pause = std::min(pause * 2, kLongestPause)) {
    transport::RaceTerms terms;
    terms.target = endpoint.to_string();
    terms.endpoints.push_back(endpoint);
    auto race = transport::connect_to_first(loop.core(), std::move(terms));
    bool full = false;
    try {
      connected = co_await std::move(race);
    } catch (const ConnectError& error) {
      if (error.code() != std::errc::resource_unavailable_try_again) throw;
      full = true;
    }
    if (full) {
      auto waiting = sleep(pause);
      co_await std::move(waiting);
    }
  }
  auto established = establish(loop, std::move(factory), std::move(connected), std::move(securing));
  co_return co_await std::move(established);
}

/// Throws std::invalid_argument.
Securing securing_of(const char* caller, const auto& options, std::optional<std::string_view> host) {
  return transport::secure_client({.caller = caller,
                                   .context = options.tls.get(),
                                   .handshake_timeout = options.tls_handshake_timeout,
                                   .shutdown_timeout = options.tls_shutdown_timeout,
                                   .server_hostname = options.server_hostname,
                                   .host = host,
                                   .session = options.tls_session.get()});
}

void check_stream_socket(const Socket& socket) {
  if (net::is_stream_socket(socket.descriptor())) return;
  throw std::invalid_argument("a stream socket was expected, descriptor " +
                              std::to_string(socket.descriptor().number) + " is not one");
}

}  // namespace

Task<Connection<BaseProtocol>> Loop::connect(ProtocolFactory factory, std::string_view host, Port port,
                                             const ConnectOptions& options) {
  if (host.empty())
    throw std::invalid_argument("create_connection: the host is empty, expected a name or an address");
  if (options.happy_eyeballs_delay && *options.happy_eyeballs_delay < Duration::zero()) {
    throw std::invalid_argument("create_connection: happy_eyeballs_delay is negative");
  }
  return connect_tcp(*this, std::move(factory), std::string(host), port, OwnedConnectOptions(options),
                     securing_of("create_connection", options, host));
}

Task<Connection<BaseProtocol>> Loop::connect_unix(ProtocolFactory factory, std::string_view path,
                                                  const SecureConnectOptions& options) {
  return connect_unix_path(*this, std::move(factory), transport::unix_endpoint(path),
                           securing_of("create_unix_connection", options, std::nullopt));
}

Task<Connection<BaseProtocol>> Loop::connect_over(ProtocolFactory factory, Socket socket,
                                                  const SecureConnectOptions& options) {
  check_stream_socket(socket);
  return establish_over(*this, std::move(factory), std::move(socket),
                        securing_of("create_connection", options, std::nullopt));
}

Task<Connection<BaseProtocol>> Loop::accept_over(ProtocolFactory factory, Socket socket,
                                                 const SecureAcceptOptions& options) {
  check_stream_socket(socket);
  return establish_over(*this, std::move(factory), std::move(socket),
                        transport::secure_server({.caller = "connect_accepted_socket",
                                                  .context = options.tls.get(),
                                                  .handshake_timeout = options.tls_handshake_timeout,
                                                  .shutdown_timeout = options.tls_shutdown_timeout}));
}

}  // namespace tidegate
