// Endpoints as text and from numbers. Knows no resolver and no sockets.
#include <tidegate/endpoint.hpp>

#include "net/printable.hpp"

#include <charconv>
#include <stdexcept>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <net/if.h>
#include <sys/un.h>

namespace tidegate {

namespace {

/// One byte of sun_path is the NUL that ends a path or starts an abstract name.
constexpr std::size_t kLongestUnixName = sizeof(sockaddr_un::sun_path) - 1;

void check_unix_name_length(std::string_view name) {
  if (name.size() <= kLongestUnixName) return;
  throw std::invalid_argument(fmt::format("Unix socket name \"{}\" has {} bytes, {} are the limit",
                                          net::printable(name), name.size(), kLongestUnixName));
}

template <std::size_t Size>
std::optional<std::array<std::uint8_t, Size>> octets_of(int family, std::string_view host) {
  // inet_pton would stop at a NUL and take what comes before it.
  if (host.find('\0') != std::string_view::npos) return std::nullopt;
  std::array<std::uint8_t, Size> octets;
  if (::inet_pton(family, std::string(host).c_str(), octets.data()) != 1) return std::nullopt;
  return octets;
}

/// Numbers come first: they need no system call, and they are what `Endpoint::host` writes.
std::optional<std::uint32_t> scope_id_of(std::string_view scope) {
  std::uint32_t number = 0;
  const auto [end, problem] = std::from_chars(scope.data(), scope.data() + scope.size(), number);
  if (problem == std::errc() && end == scope.data() + scope.size()) return number;
  if (scope.find('\0') != std::string_view::npos) return std::nullopt;

  const unsigned index = ::if_nametoindex(std::string(scope).c_str());
  if (index == 0) return std::nullopt;
  return index;
}

template <typename Octets>
std::string numeric_text(int family, const Octets& octets) {
  char text[INET6_ADDRSTRLEN] = "";
  // It fails for unknown families and for too little room only.
  return ::inet_ntop(family, octets.data(), text, sizeof(text)) != nullptr ? text : "";
}

}  // namespace

void Port::out_of_range(int number) {
  throw std::invalid_argument(fmt::format("port {} is not within 0 ... 65535", number));
}

Endpoint Endpoint::ipv4(std::array<std::uint8_t, 4> octets, Port port) noexcept {
  Endpoint endpoint;
  endpoint.address_ = Inet4{octets, port};
  return endpoint;
}

Endpoint Endpoint::ipv6(std::array<std::uint8_t, 16> octets, Port port, std::uint32_t scope_id,
                        std::uint32_t flow_info) noexcept {
  Endpoint endpoint;
  endpoint.address_ = Inet6{octets, port, scope_id, flow_info};
  return endpoint;
}

Endpoint Endpoint::unix_path(std::string_view path) {
  if (path.empty()) throw std::invalid_argument("the path of a Unix socket is empty");
  if (path.find('\0') != std::string_view::npos) {
    throw std::invalid_argument(
        fmt::format("the path of a Unix socket contains a NUL: \"{}\"", net::printable(path)));
  }
  check_unix_name_length(path);
  Endpoint endpoint;
  endpoint.address_ = UnixName{std::string(path), false};
  return endpoint;
}

Endpoint Endpoint::unix_abstract(std::string_view name) {
  check_unix_name_length(name);
  Endpoint endpoint;
  endpoint.address_ = UnixName{std::string(name), true};
  return endpoint;
}

Endpoint Endpoint::unix_unnamed() noexcept {
  Endpoint endpoint;
  endpoint.address_ = UnixName{std::string(), false};
  return endpoint;
}

std::optional<Endpoint> Endpoint::from_numeric_host(std::string_view host, Port port) {
  // inet_pton and not inet_aton: "0" and "127.1" are names of something else to most people.
  if (const auto octets = octets_of<4>(AF_INET, host)) return ipv4(*octets, port);

  const std::size_t percent = host.find('%');
  const auto octets = octets_of<16>(AF_INET6, host.substr(0, percent));
  if (!octets.has_value()) return std::nullopt;
  if (percent == std::string_view::npos) return ipv6(*octets, port);

  const auto scope_id = scope_id_of(host.substr(percent + 1));
  if (!scope_id.has_value()) return std::nullopt;
  return ipv6(*octets, port, *scope_id);
}

AddressFamily Endpoint::family() const noexcept {
  if (std::holds_alternative<Inet4>(address_)) return AddressFamily::ipv4;
  if (std::holds_alternative<Inet6>(address_)) return AddressFamily::ipv6;
  if (std::holds_alternative<UnixName>(address_)) return AddressFamily::unix_domain;
  return AddressFamily::unspecified;
}

std::string Endpoint::host() const {
  if (const auto* inet4 = std::get_if<Inet4>(&address_)) return numeric_text(AF_INET, inet4->octets);
  const auto* inet6 = std::get_if<Inet6>(&address_);
  if (inet6 == nullptr) return {};
  std::string text = numeric_text(AF_INET6, inet6->octets);
  if (inet6->scope_id != 0) text += fmt::format("%{}", inet6->scope_id);
  return text;
}

Port Endpoint::port() const noexcept {
  if (const auto* inet4 = std::get_if<Inet4>(&address_)) return inet4->port;
  if (const auto* inet6 = std::get_if<Inet6>(&address_)) return inet6->port;
  return {};
}

Endpoint Endpoint::with_port(Port port) const {
  Endpoint endpoint = *this;
  if (auto* inet4 = std::get_if<Inet4>(&endpoint.address_)) inet4->port = port;
  if (auto* inet6 = std::get_if<Inet6>(&endpoint.address_)) inet6->port = port;
  return endpoint;
}

std::uint32_t Endpoint::scope_id() const noexcept {
  const auto* inet6 = std::get_if<Inet6>(&address_);
  return inet6 != nullptr ? inet6->scope_id : 0;
}

std::uint32_t Endpoint::flow_info() const noexcept {
  const auto* inet6 = std::get_if<Inet6>(&address_);
  return inet6 != nullptr ? inet6->flow_info : 0;
}

std::string_view Endpoint::path() const noexcept {
  const auto* unix_name = std::get_if<UnixName>(&address_);
  return unix_name != nullptr ? std::string_view(unix_name->name) : std::string_view();
}

bool Endpoint::is_abstract() const noexcept {
  const auto* unix_name = std::get_if<UnixName>(&address_);
  return unix_name != nullptr && unix_name->abstract;
}

std::string Endpoint::to_string() const {
  switch (family()) {
    case AddressFamily::unspecified:
      return "(none)";
    case AddressFamily::ipv4:
      return fmt::format("{}:{}", host(), port().number());
    case AddressFamily::ipv6:
      return fmt::format("[{}]:{}", host(), port().number());
    case AddressFamily::unix_domain:
      break;
  }
  if (is_abstract()) return net::printable(path()).insert(0, 1, '@');
  return path().empty() ? "(unnamed)" : net::printable(path());
}

}  // namespace tidegate
