// Reads and writes the places that people name: tcp://HOST:PORT, tls://HOST:PORT?NAME=VALUE, udp://HOST:PORT
// and unix://PATH. Knows no resolver and no sockets.
#include <tidegate/endpoint.hpp>

#include "net/percent_code.hpp"
#include "net/printable.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <sys/un.h>

namespace tidegate {

namespace {

constexpr std::string_view kTcp = "tcp";
constexpr std::string_view kTls = "tls";
constexpr std::string_view kUdp = "udp";
constexpr std::string_view kUnix = "unix";
constexpr std::string_view kSeparator = "://";
constexpr std::size_t kLongestUnixName = sizeof(sockaddr_un::sun_path) - 1;

/// One text on its way to becoming a Url; it knows the whole for the sake of error texts.
class Parser {
 public:
  explicit Parser(std::string_view text) noexcept : text_(text) {}

  [[nodiscard]] Url parse() const {
    const std::size_t separator = text_.find(kSeparator);
    if (separator == std::string_view::npos) fail("there is no scheme");
    const std::string_view scheme = text_.substr(0, separator);
    const std::string_view rest = text_.substr(separator + kSeparator.size());
    if (scheme == kTcp) return parse_host(Url::Scheme::tcp, rest);
    if (scheme == kTls) return parse_tls(rest);
    if (scheme == kUdp) return parse_host(Url::Scheme::udp, rest);
    if (scheme == kUnix) return parse_unix(rest);
    fail(fmt::format("unknown scheme \"{}\"", net::printable(scheme)));
  }

 private:
  [[nodiscard]] Url parse_tls(std::string_view rest) const {
    const std::size_t mark = rest.find('?');
    Url url = parse_host(Url::Scheme::tls, rest.substr(0, mark));
    if (mark != std::string_view::npos) url.query = parse_query(rest.substr(mark + 1));
    return url;
  }

  [[nodiscard]] std::vector<Url::Parameter> parse_query(std::string_view text) const {
    std::vector<Url::Parameter> query;
    for (std::size_t begin = 0; begin <= text.size();) {
      const std::size_t end = std::min(text.find('&', begin), text.size());
      Url::Parameter parameter = parse_parameter(text.substr(begin, end - begin));
      const auto is_the_same = [&parameter](const Url::Parameter& other) {
        return other.name == parameter.name;
      };
      if (std::any_of(query.begin(), query.end(), is_the_same))
        fail(fmt::format("the parameter \"{}\" stands there twice", net::printable(parameter.name)));
      query.push_back(std::move(parameter));
      begin = end + 1;
    }
    return query;
  }

  [[nodiscard]] Url::Parameter parse_parameter(std::string_view text) const {
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos || equals == 0)
      fail(fmt::format("the parameter \"{}\" is not NAME=VALUE", net::printable(text)));
    return {decode(text.substr(0, equals)), decode(text.substr(equals + 1))};
  }

  [[nodiscard]] std::string decode(std::string_view text) const {
    auto decoded = net::percent_decoded(text);
    if (!decoded) {
      fail(fmt::format("\"{}\" has a % without two hexadecimal digits behind it; % itself is %25",
                       net::printable(text)));
    }
    // Nobody who opens files, or asks for names, would see what is behind it.
    if (decoded->find('\0') != std::string::npos)
      fail(fmt::format("\"{}\" contains a NUL", net::printable(text)));
    return *std::move(decoded);
  }

  [[nodiscard]] Url parse_host(Url::Scheme scheme, std::string_view rest) const {
    if (rest.starts_with('[')) return parse_bracketed(scheme, rest);
    const std::size_t colon = rest.rfind(':');
    if (colon == std::string_view::npos) fail("the port is missing");
    const std::string_view host = rest.substr(0, colon);
    if (host.find(':') != std::string_view::npos)
      fail("an IPv6 address stands in brackets, as in tcp://[::1]:80");
    check_host(host);
    return make(scheme, host, rest.substr(colon + 1));
  }

  [[nodiscard]] Url parse_bracketed(Url::Scheme scheme, std::string_view rest) const {
    const std::size_t bracket = rest.find(']');
    if (bracket == std::string_view::npos) fail("the closing bracket is missing");
    const std::string_view host = rest.substr(1, bracket - 1);
    // The interface after a percent sign need not exist on the machine that reads this.
    const auto address = Endpoint::from_numeric_host(host.substr(0, host.find('%')), Port());
    if (!address.has_value() || address->family() != AddressFamily::ipv6) {
      fail(fmt::format("\"{}\" in brackets is not an IPv6 address", net::printable(host)));
    }
    check_host(host);
    const std::string_view after = rest.substr(bracket + 1);
    if (after.empty()) fail("the port is missing");
    if (!after.starts_with(':'))
      fail(fmt::format("unexpected \"{}\" after the bracket", net::printable(after)));
    return make(scheme, host, after.substr(1));
  }

  [[nodiscard]] Url make(Url::Scheme scheme, std::string_view host, std::string_view port) const {
    Url url;
    url.scheme = scheme;
    url.host = host;
    url.port = parse_port(port);
    return url;
  }

  [[nodiscard]] Port parse_port(std::string_view text) const {
    if (text.empty()) fail("the port is missing");
    if (text.find('?') != std::string_view::npos) fail("only tls:// takes parameters");
    std::uint16_t number = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (problem != std::errc() || end != text.data() + text.size()) {
      fail(fmt::format("the port \"{}\" is not a number from 0 to 65535", net::printable(text)));
    }
    return Port(number);
  }

  [[nodiscard]] Url parse_unix(std::string_view rest) const {
    if (rest.empty()) fail("the path is missing");
    if (rest == "@") fail("the name is missing");
    const bool abstract = rest.starts_with('@');
    if (!abstract && !rest.starts_with('/')) {
      fail(fmt::format("the path \"{}\" does not start with \"/\"", net::printable(rest)));
    }
    if (!abstract && rest.find('\0') != std::string_view::npos) fail("the path contains a NUL");
    const std::size_t length = rest.size() - (abstract ? 1 : 0);
    if (length > kLongestUnixName) fail(fmt::format("{} bytes, {} are the limit", length, kLongestUnixName));
    Url url;
    url.scheme = Url::Scheme::unix_domain;
    url.path = rest;
    return url;
  }

  /// What can't stand in any host name, and would only fail later with a less clear text.
  void check_host(std::string_view host) const {
    const auto misplaced = [](char character) {
      const auto value = static_cast<unsigned char>(character);
      return value <= 0x20 || value == 0x7f ||
             std::string_view("/?#@[]").find(character) != std::string_view::npos;
    };
    const auto found = std::find_if(host.begin(), host.end(), misplaced);
    if (found == host.end()) return;
    fail(fmt::format("\"{}\" can not be part of a host", net::printable(std::string_view(&*found, 1))));
  }

  [[noreturn]] void fail(std::string_view reason) const {
    throw std::invalid_argument(
        fmt::format("invalid URL \"{}\": {}, expected tcp://HOST:PORT, tls://HOST:PORT?NAME=VALUE, "
                    "udp://HOST:PORT, unix:///PATH or unix://@NAME",
                    net::printable(text_), reason));
  }

  std::string_view text_;
};

std::string_view name_of(Url::Scheme scheme) noexcept {
  switch (scheme) {
    case Url::Scheme::tcp:
      return kTcp;
    case Url::Scheme::tls:
      return kTls;
    case Url::Scheme::udp:
      return kUdp;
    case Url::Scheme::unix_domain:
      break;
  }
  return kUnix;
}

std::string query_text(const std::vector<Url::Parameter>& query) {
  std::string text;
  for (const auto& [name, value] : query) {
    text += text.empty() ? '?' : '&';
    text += net::percent_encoded(name) + '=' + net::percent_encoded(value);
  }
  return text;
}

}  // namespace

Url Url::parse(std::string_view text) { return Parser(text).parse(); }

std::string Url::to_string() const {
  const std::string_view kind = name_of(scheme);
  if (scheme == Scheme::unix_domain) return fmt::format("{}://{}", kind, path);
  const bool bracketed = host.find(':') != std::string::npos;
  const std::string place = bracketed ? fmt::format("{}://[{}]:{}", kind, host, port.number())
                                      : fmt::format("{}://{}:{}", kind, host, port.number());
  return place + query_text(query);
}

}  // namespace tidegate
