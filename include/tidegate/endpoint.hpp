// Where a peer is: an address as a value. Knows no names and no sockets; see Loop::getaddrinfo for names.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace tidegate {

namespace net {
struct EndpointAccess;
}

/// A port number. Made from any integer; one outside 0 ... 65535 throws std::invalid_argument that names it.
class Port {
 public:
  constexpr Port() noexcept = default;
  constexpr Port(int number)  // NOLINT(google-explicit-constructor): `create_server(..., 8888)` reads best
      : number_(static_cast<std::uint16_t>(number)) {
    if (number < 0 || number > 65535) out_of_range(number);
  }

  [[nodiscard]] constexpr std::uint16_t number() const noexcept { return number_; }
  friend constexpr auto operator<=>(Port, Port) noexcept = default;

 private:
  [[noreturn]] static void out_of_range(int number);

  std::uint16_t number_ = 0;
};

/// The kind of an address. `unspecified` means "any" where it is asked for and "none" where it is found.
enum class AddressFamily { unspecified, ipv4, ipv6, unix_domain };

/// The address of one end of a connection: IPv4, IPv6 (scope and flow kept), a Unix path, an abstract Unix
/// name, an unnamed Unix socket, or none. A value: compare it, copy it, use it as a key.
class Endpoint {
 public:
  /// No address.
  Endpoint() noexcept = default;

  /// `octets` in the order in which they are written.
  [[nodiscard]] static Endpoint ipv4(std::array<std::uint8_t, 4> octets, Port port) noexcept;
  /// `octets` in the order in which they are written; `scope_id` is the interface's index for link-local
  /// addresses. Both numbers are in the host's byte order, as everywhere here.
  [[nodiscard]] static Endpoint ipv6(std::array<std::uint8_t, 16> octets, Port port,
                                     std::uint32_t scope_id = 0, std::uint32_t flow_info = 0) noexcept;
  /// A socket file. Throws std::invalid_argument for an empty path, one with a NUL, or one over 107 bytes.
  [[nodiscard]] static Endpoint unix_path(std::string_view path);
  /// A name in the abstract namespace, without the leading NUL (or "@"). Throws std::invalid_argument over
  /// 107 bytes.
  [[nodiscard]] static Endpoint unix_abstract(std::string_view name);
  /// A Unix socket without a name, as the client's end of a connection usually is.
  [[nodiscard]] static Endpoint unix_unnamed() noexcept;

  /// A numeric IPv4 or IPv6 address ("127.0.0.1", "::1", "fe80::1%eth0"), without asking any resolver; none
  /// where `host` is something else.
  [[nodiscard]] static std::optional<Endpoint> from_numeric_host(std::string_view host, Port port);

  [[nodiscard]] AddressFamily family() const noexcept;
  /// True where there is no address.
  [[nodiscard]] bool empty() const noexcept { return std::holds_alternative<std::monostate>(address_); }

  /// The numeric host ("127.0.0.1", "fe80::1%2"); empty for Unix.
  [[nodiscard]] std::string host() const;
  /// The port; 0 for Unix.
  [[nodiscard]] Port port() const noexcept;
  /// The same host with another port. Unix endpoints come back unchanged.
  [[nodiscard]] Endpoint with_port(Port port) const;
  /// IPv6 only: the interface of a link-local address; otherwise 0.
  [[nodiscard]] std::uint32_t scope_id() const noexcept;
  [[nodiscard]] std::uint32_t flow_info() const noexcept;
  /// Unix only: the path, or the abstract name without its leading NUL; empty for unnamed ones.
  [[nodiscard]] std::string_view path() const noexcept;
  [[nodiscard]] bool is_abstract() const noexcept;

  /// For people: "127.0.0.1:80", "[::1]:80", "/run/x.sock", "@name", "(unnamed)", "(none)".
  [[nodiscard]] std::string to_string() const;

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;

  struct Inet4 {
    std::array<std::uint8_t, 4> octets;
    Port port;
    friend auto operator<=>(const Inet4&, const Inet4&) = default;
  };
  struct Inet6 {
    std::array<std::uint8_t, 16> octets;
    Port port;
    std::uint32_t scope_id;
    std::uint32_t flow_info;
    friend auto operator<=>(const Inet6&, const Inet6&) = default;
  };
  struct UnixName {
    std::string name;
    bool abstract;
    friend auto operator<=>(const UnixName&, const UnixName&) = default;
  };
  /// The address itself, for code that works on each kind.
  [[nodiscard]] const std::variant<std::monostate, Inet4, Inet6, UnixName>& address() const noexcept {
    return address_;
  }

 private:
  /// Makes endpoints of what the kernel reports, which may be more than a program may ask for (a path of 108
  /// bytes).
  friend struct net::EndpointAccess;

  std::variant<std::monostate, Inet4, Inet6, UnixName> address_;
};

/// A place to connect to, to listen at or to send to, as people write it: `tcp://HOST:PORT`,
/// `tls://HOST:PORT?NAME=VALUE&NAME=VALUE`, `udp://HOST:PORT`, `unix:///PATH`, `unix://@NAME`.
struct Url {
  enum class Scheme { tcp, tls, udp, unix_domain };

  /// What stands behind a question mark, decoded.
  struct Parameter {
    std::string name;
    std::string value;
    friend bool operator==(const Parameter&, const Parameter&) = default;
  };

  Scheme scheme = Scheme::tcp;
  /// All but unix: the host, without brackets; may be empty for "every interface".
  std::string host;
  Port port;
  /// unix: the path, or "@" and the abstract name.
  std::string path;
  /// tls only: in the order in which they are written, no name twice. Which names there are, and what they
  /// mean, is the program's affair.
  std::vector<Parameter> query;

  /// A value of the query may contain anything, "&" as %26 and "%" as %25; "+" is a plus. Throws
  /// std::invalid_argument that names the text and what was expected.
  [[nodiscard]] static Url parse(std::string_view text);
  /// As it is written, with %XX in the query wherever a character might mean something else.
  [[nodiscard]] std::string to_string() const;
  friend bool operator==(const Url&, const Url&) = default;
};

}  // namespace tidegate
