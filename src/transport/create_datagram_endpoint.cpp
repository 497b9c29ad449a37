// Loop::create_datagram_endpoint: from names, paths and sockets to a datagram transport with its protocol.
#include <tidegate/loop.hpp>
#include <tidegate/sleep.hpp>

#include "net/descriptor_calls.hpp"
#include "net/socket_address.hpp"
#include "net/socket_options.hpp"
#include "transport/connect_attempt.hpp"
#include "transport/datagram_transport.hpp"
#include "transport/unix_address.hpp"
#include "transport/unix_socket_file.hpp"

#include <algorithm>
#include <cerrno>
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <sys/socket.h>

namespace tidegate {

namespace {

using transport::DatagramSocket;
using transport::DatagramSocketTransport;
using transport::OwnedChannel;

/// The two ends of a socket to be made; an empty one is left to the system.
struct Ends {
  AddressFamily family = AddressFamily::unspecified;
  Endpoint local;
  Endpoint remote;
};

/// `DatagramOptions` with what it points to.
struct OwnedDatagramOptions {
  struct Address {
    explicit Address(const DatagramAddress& address)
        : given(address.given()), text(address.text()), port(address.port()) {}
    bool given;
    std::string text;
    Port port;
  };

  explicit OwnedDatagramOptions(const DatagramOptions& options)
      : local(options.local),
        remote(options.remote),
        family(options.family),
        reuse_port(options.reuse_port),
        allow_broadcast(options.allow_broadcast) {}

  Address local;
  Address remote;
  AddressFamily family;
  bool reuse_port;
  bool allow_broadcast;
};

/// A socket, and what it turned out to be.
struct OpenSocket {
  Socket socket;
  DatagramSocket is;
};

void connect(const Socket& socket, const Endpoint& remote) {
  const net::SocketAddress address = net::to_sockaddr(remote);
  int outcome = 0;
  do {
    outcome = net::call::connect(socket.descriptor(), address.get(), address.length);  // never waits
  } while (outcome != 0 && errno == EINTR);
  if (outcome == 0) return;
  const std::error_code code(errno, std::system_category());
  throw OsError(code, "connect to " + remote.to_string());
}

OpenSocket open_socket(kernel::Backend& backend, const Ends& ends, const OwnedDatagramOptions& options) {
  Socket socket = backend.make_socket(ends.family, net::SocketType::datagram);
  const FileDescriptor descriptor = socket.descriptor();
  if (options.reuse_port) net::set_reuse_port(descriptor);
  if (options.allow_broadcast) net::set_broadcast(descriptor);
  if (!ends.local.empty()) {
    if (ends.family == AddressFamily::unix_domain)
      transport::remove_stale_socket_file(ends.local,
                                          backend.make_socket(ends.family, net::SocketType::datagram));
    socket.bind(ends.local);
  }
  const bool is_udp = net::is_udp_socket(descriptor);
  // Only in a socket of our own: whoever shares one that was given to us would receive several as one.
  if (is_udp) net::set_joined_receives(descriptor);
  const bool connects = !ends.remote.empty() && !options.allow_broadcast;
  if (connects) connect(socket, ends.remote);
  return {std::move(socket),
          {.family = ends.family, .is_udp = is_udp, .connected = connects, .remote = ends.remote}};
}

/// The first that works. Throws what the first threw where none does.
OpenSocket open_first(kernel::Backend& backend, const std::vector<Ends>& choices,
                      const OwnedDatagramOptions& options) {
  std::exception_ptr first_failure;
  for (const Ends& ends : choices) {
    try {
      return open_socket(backend, ends, options);
    } catch (const OsError&) {
      if (first_failure == nullptr) first_failure = std::current_exception();
    }
  }
  std::rethrow_exception(first_failure);
}

OpenSocket adopted(Socket socket) {
  const FileDescriptor descriptor = socket.descriptor();
  net::set_nonblocking(descriptor);
  net::set_close_on_exec(descriptor);
  DatagramSocket is{.family = net::family_of(descriptor),
                    .is_udp = net::is_udp_socket(descriptor),
                    .connected = false,
                    .remote = {}};
  net::SocketAddress peer;
  peer.length = net::SocketAddress::capacity();
  if (net::call::getpeername(descriptor, peer.get(), &peer.length) == 0) {
    is.connected = true;
    is.remote = net::from_sockaddr(peer);
  }
  return {std::move(socket), std::move(is)};
}

/// Gives a socket its protocol. The factory runs now, `connection_made` in the loop's next round (L1).
Task<DatagramEndpoint<>> establish(Loop& loop, ProtocolFactory factory, OpenSocket open) {
  auto protocol = factory();
  OwnedChannel channel(loop.core(), loop.core().backend().attach(open.socket.release()));
  const auto transport =
      DatagramSocketTransport::make(loop.core(), channel.get(), std::move(open.is), protocol);
  static_cast<void>(channel.release());
  // From here on the transport owns the descriptor; should the task be cancelled before the protocol knows of
  // it, nobody will.
  struct AbortUnlessOpened {
    DatagramSocketTransport& transport;
    bool opened = false;
    ~AbortUnlessOpened() {
      if (!opened) transport.abort();
    }
  } guard{*transport};
  auto turn = sleep(Duration::zero());
  co_await std::move(turn);
  transport->open();
  guard.opened = true;
  co_return DatagramEndpoint<>{DatagramTransportRef(transport),
                               std::static_pointer_cast<DatagramProtocol>(std::move(protocol))};
}

Task<DatagramEndpoint<>> establish_over(Loop& loop, ProtocolFactory factory, Socket socket) {
  auto established = establish(loop, std::move(factory), adopted(std::move(socket)));
  co_return co_await std::move(established);
}

const Endpoint* first_of(AddressFamily family, const std::vector<Endpoint>& endpoints) noexcept {
  const auto found = std::find_if(endpoints.begin(), endpoints.end(),
                                  [family](const Endpoint& endpoint) { return endpoint.family() == family; });
  return found == endpoints.end() ? nullptr : &*found;
}

/// One choice for each family in which there is all that is needed, in the order of the resolver.
std::vector<Ends> joined_by_family(const OwnedDatagramOptions& options, const std::vector<Endpoint>& local,
                                   const std::vector<Endpoint>& remote) {
  std::vector<Ends> choices;
  for (const Endpoint& endpoint : options.local.given ? local : remote) {
    const AddressFamily family = endpoint.family();
    const bool known = std::any_of(choices.begin(), choices.end(),
                                   [family](const Ends& ends) { return ends.family == family; });
    const Endpoint* from = first_of(family, local);
    const Endpoint* to = first_of(family, remote);
    if (known || (options.local.given && from == nullptr) || (options.remote.given && to == nullptr))
      continue;
    choices.push_back({.family = family,
                       .local = from != nullptr ? *from : Endpoint(),
                       .remote = to != nullptr ? *to : Endpoint()});
  }
  return choices;
}

Task<DatagramEndpoint<>> open_among_hosts(Loop& loop, ProtocolFactory factory, OwnedDatagramOptions options) {
  std::vector<Endpoint> local;
  std::vector<Endpoint> remote;
  if (options.local.given) {
    auto resolving =
        loop.getaddrinfo(options.local.text, options.local.port, {.family = options.family, .passive = true});
    local = co_await std::move(resolving);
  }
  if (options.remote.given) {
    auto resolving = loop.getaddrinfo(options.remote.text, options.remote.port, {.family = options.family});
    remote = co_await std::move(resolving);
  }
  std::vector<Ends> choices = joined_by_family(options, local, remote);
  if (!options.local.given && !options.remote.given)
    choices.push_back({.family = options.family, .local = {}, .remote = {}});
  if (choices.empty()) {
    throw std::invalid_argument(
        "create_datagram_endpoint: the local and the remote address have no family in common");
  }
  auto established = establish(loop, std::move(factory), open_first(loop.core().backend(), choices, options));
  co_return co_await std::move(established);
}

Task<DatagramEndpoint<>> open_at_paths(Loop& loop, ProtocolFactory factory, Ends ends,
                                       OwnedDatagramOptions options) {
  auto established = establish(loop, std::move(factory), open_socket(loop.core().backend(), ends, options));
  co_return co_await std::move(established);
}

void refuse(const char* reason) {
  throw std::invalid_argument(std::string("create_datagram_endpoint: ") + reason);
}

/// Throws std::invalid_argument for addresses that do not fit each other or the family.
void check(const DatagramOptions& options) {
  const bool any = options.local.given() || options.remote.given();
  if (!any && options.family == AddressFamily::unspecified)
    refuse("there is neither a local nor a remote address, nor a family");
  const bool paths = options.local.is_path() || options.remote.is_path();
  const bool hosts = any && ((options.local.given() && !options.local.is_path()) ||
                             (options.remote.given() && !options.remote.is_path()));
  if (paths && hosts) refuse("one address is a path, the other a host");
  const bool unix_domain = options.family == AddressFamily::unix_domain;
  if (hosts && unix_domain) refuse("a path was expected, for the family is that of Unix sockets");
  if (paths && !unix_domain && options.family != AddressFamily::unspecified)
    refuse("a host was expected, for the family is one of the internet");
}

}  // namespace

Task<DatagramEndpoint<>> Loop::open_datagrams(ProtocolFactory factory, const DatagramOptions& options) {
  check(options);
  if (!options.local.is_path() && !options.remote.is_path())
    return open_among_hosts(*this, std::move(factory), OwnedDatagramOptions(options));
  Ends ends{.family = AddressFamily::unix_domain, .local = {}, .remote = {}};
  if (options.local.given()) ends.local = transport::unix_endpoint(options.local.text());
  if (options.remote.given()) ends.remote = transport::unix_endpoint(options.remote.text());
  return open_at_paths(*this, std::move(factory), std::move(ends), OwnedDatagramOptions(options));
}

Task<DatagramEndpoint<>> Loop::adopt_datagrams(ProtocolFactory factory, Socket socket) {
  if (net::socket_type(socket.descriptor()) != net::SocketType::datagram) {
    throw std::invalid_argument("create_datagram_endpoint: a datagram socket was expected, descriptor " +
                                std::to_string(socket.descriptor().number) + " is not one");
  }
  return establish_over(*this, std::move(factory), std::move(socket));
}

}  // namespace tidegate
