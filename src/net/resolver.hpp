// Names to addresses and back, by the system's resolver. Blocking: for a pool of threads. Knows no loop and
// no sockets.
#pragma once

#include <tidegate/endpoint.hpp>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tidegate::net {

/// What is looked for.
struct LookupOptions {
  AddressFamily family = AddressFamily::unspecified;
  /// Addresses to listen at: an empty host is every interface, not this machine.
  bool passive = false;
  /// More AI_... flags of <netdb.h>.
  int flags = 0;
};

/// Every address of `host`, in the resolver's order, each once; never empty. `service` is a number, a name as
/// in /etc/services, or empty for port 0. An empty host means every interface (IPv4 and IPv6, answered
/// without a resolver) where the lookup is passive, and this machine where not.
///
/// Throws ResolveError that names the host, OsError where the system failed, std::invalid_argument for a NUL
/// in a name and for a family without hosts.
/// Thread: any.
[[nodiscard]] std::vector<Endpoint> resolve(const std::string& host, const std::string& service,
                                            const LookupOptions& options = {});
[[nodiscard]] std::vector<Endpoint> resolve(const std::string& host, Port port,
                                            const LookupOptions& options = {});

/// The same answer out of what is known of a name already: `known`, with the port, as far as the family is
/// wanted. Throws ResolveError that names the host where that is nothing.
[[nodiscard]] std::vector<Endpoint> resolved(const std::string& host, Port port, const LookupOptions& options,
                                             const std::vector<Endpoint>& known);

/// The same answer where it needs no resolver, so that it does not have to leave the thread of the loop: for
/// numeric hosts, and for every interface. None otherwise, also for what `resolve` would throw for.
[[nodiscard]] std::optional<std::vector<Endpoint>> resolve_numeric(const std::string& host, Port port,
                                                                   const LookupOptions& options = {});
/// Services with a name need a look at the system's tables and are none here.
[[nodiscard]] std::optional<std::vector<Endpoint>> resolve_numeric(const std::string& host,
                                                                   const std::string& service,
                                                                   const LookupOptions& options = {});

/// The host and the service behind an address. `flags`: NI_... of <netdb.h>, such as NI_NUMERICHOST |
/// NI_NUMERICSERV. Throws ResolveError that names the address, OsError, std::invalid_argument for anything
/// but IPv4 and IPv6.
/// Thread: any.
[[nodiscard]] std::pair<std::string, std::string> name_of(const Endpoint& endpoint, int flags = 0);

}  // namespace tidegate::net
