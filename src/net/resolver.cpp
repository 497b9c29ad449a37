// getaddrinfo and getnameinfo, and the questions that need neither. Knows no loop and no sockets.
#include "net/resolver.hpp"

#include <tidegate/error.hpp>

#include "net/printable.hpp"
#include "net/socket_address.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>
#include <stdexcept>
#include <string_view>

#include <fmt/format.h>
#include <netdb.h>

namespace tidegate::net {

namespace {

using AddressList = std::unique_ptr<addrinfo, void (*)(addrinfo*)>;

/// errno as it was when the call returned: EAI_SYSTEM refers to it.
[[noreturn]] void fail(int result, int system_error, const std::string& attempted) {
  if (result == EAI_SYSTEM) throw OsError({system_error, std::system_category()}, attempted);
  throw ResolveError({result, resolver_category()}, attempted);
}

std::string attempt_text(const std::string& host, const std::string& service) {
  // The service matters to the reader only where it is a name that may be the wrong one, or where nothing
  // else is named.
  const bool numeric =
      std::all_of(service.begin(), service.end(), [](char digit) { return digit >= '0' && digit <= '9'; });
  if (numeric && !host.empty()) return fmt::format("resolve \"{}\"", printable(host));
  return fmt::format("resolve \"{}\", service \"{}\"", printable(host), printable(service));
}

/// The resolver sees texts up to their first NUL: it would answer for another host.
void refuse_nul(const std::string& text, const char* what) {
  if (text.find('\0') == std::string::npos) return;
  throw std::invalid_argument(fmt::format("the {} contains a NUL: \"{}\"", what, printable(text)));
}

void refuse_families_without_hosts(AddressFamily family) {
  if (family == AddressFamily::unix_domain)
    throw std::invalid_argument("Unix sockets have no hosts to resolve");
}

bool is_wanted(AddressFamily family, AddressFamily wanted) noexcept {
  return wanted == AddressFamily::unspecified || wanted == family;
}

std::optional<Port> numeric_port(const std::string& service) {
  if (service.empty()) return Port();
  std::uint16_t number = 0;
  const char* end = service.data() + service.size();
  const auto [stop, problem] = std::from_chars(service.data(), end, number);
  if (problem != std::errc() || stop != end) return std::nullopt;
  return Port(number);
}

/// IPv4 first, as getaddrinfo answers on Linux; the families' sockets do not exclude one another.
std::vector<Endpoint> every_interface(Port port, AddressFamily wanted) {
  std::vector<Endpoint> endpoints;
  if (is_wanted(AddressFamily::ipv4, wanted)) endpoints.push_back(Endpoint::ipv4({}, port));
  if (is_wanted(AddressFamily::ipv6, wanted)) endpoints.push_back(Endpoint::ipv6({}, port));
  return endpoints;
}

AddressList ask(const std::string& host, const std::string& service, const LookupOptions& options) {
  addrinfo hints{};
  hints.ai_family = to_native(options.family);
  // One entry an address instead of one for each type; the addresses are the same for all.
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = options.flags | (options.passive ? AI_PASSIVE : 0);
  addrinfo* found = nullptr;
  // With neither there would be no question; a port makes it one.
  const char* asked_service = !service.empty() ? service.c_str() : (host.empty() ? "0" : nullptr);
  const int result = ::getaddrinfo(host.empty() ? nullptr : host.c_str(), asked_service, &hints, &found);
  const int system_error = errno;
  if (result != 0) fail(result, system_error, attempt_text(host, service));
  return {found, ::freeaddrinfo};
}

/// Each address once: /etc/hosts may name one twice, and nobody can listen twice at the same.
std::vector<Endpoint> endpoints_of(const addrinfo* list) {
  std::vector<Endpoint> endpoints;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    Endpoint endpoint = from_sockaddr(entry->ai_addr, entry->ai_addrlen);
    if (endpoint.empty()) continue;
    if (std::find(endpoints.begin(), endpoints.end(), endpoint) == endpoints.end())
      endpoints.push_back(std::move(endpoint));
  }
  return endpoints;
}

}  // namespace

std::vector<Endpoint> resolve(const std::string& host, const std::string& service,
                              const LookupOptions& options) {
  refuse_nul(host, "host name");
  refuse_nul(service, "service name");
  refuse_families_without_hosts(options.family);
  if (auto endpoints = resolve_numeric(host, service, options)) return *std::move(endpoints);

  const AddressList list = ask(host, service, options);
  std::vector<Endpoint> endpoints = endpoints_of(list.get());
  if (endpoints.empty()) fail(EAI_NONAME, 0, attempt_text(host, service));
  return endpoints;
}

std::vector<Endpoint> resolve(const std::string& host, Port port, const LookupOptions& options) {
  return resolve(host, std::to_string(port.number()), options);
}

std::vector<Endpoint> resolved(const std::string& host, Port port, const LookupOptions& options,
                               const std::vector<Endpoint>& known) {
  std::vector<Endpoint> endpoints;
  for (const Endpoint& endpoint : known) {
    if (is_wanted(endpoint.family(), options.family)) endpoints.push_back(endpoint.with_port(port));
  }
  if (endpoints.empty()) fail(EAI_NONAME, 0, attempt_text(host, std::to_string(port.number())));
  return endpoints;
}

std::optional<std::vector<Endpoint>> resolve_numeric(const std::string& host, Port port,
                                                     const LookupOptions& options) {
  if (options.family == AddressFamily::unix_domain) return std::nullopt;
  if (host.empty() && options.passive) return every_interface(port, options.family);
  const auto endpoint = Endpoint::from_numeric_host(host, port);
  // An address of another family may still have an answer (AI_V4MAPPED), or the resolver has the right error.
  if (!endpoint.has_value() || !is_wanted(endpoint->family(), options.family)) return std::nullopt;
  return std::vector<Endpoint>{*endpoint};
}

std::optional<std::vector<Endpoint>> resolve_numeric(const std::string& host, const std::string& service,
                                                     const LookupOptions& options) {
  const auto port = numeric_port(service);
  if (!port.has_value()) return std::nullopt;
  return resolve_numeric(host, *port, options);
}

std::pair<std::string, std::string> name_of(const Endpoint& endpoint, int flags) {
  const AddressFamily family = endpoint.family();
  if (family != AddressFamily::ipv4 && family != AddressFamily::ipv6) {
    throw std::invalid_argument(fmt::format("{} is not an address of a host", endpoint.to_string()));
  }
  const SocketAddress address = to_sockaddr(endpoint);
  char host[NI_MAXHOST] = "";
  char service[NI_MAXSERV] = "";
  const int result =
      ::getnameinfo(address.get(), address.length, host, sizeof(host), service, sizeof(service), flags);
  const int system_error = errno;
  if (result != 0) fail(result, system_error, "look up the name of " + endpoint.to_string());
  return {host, service};
}

}  // namespace tidegate::net
