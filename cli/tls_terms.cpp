// See tls_terms.hpp.
#include "tls_terms.hpp"

#include "amounts.hpp"
#include "arguments.hpp"

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace tidegate::cli {

namespace {

constexpr double kShortestHandshakeSeconds = 0.01;
constexpr double kLongestHandshakeSeconds = 3'600;
// It goes out with its length in one byte (RFC 7301).
constexpr std::size_t kLongestProtocolName = 255;

/// The parameters of one URL, looked up by their names.
class Query {
 public:
  /// Throws UsageError where there is one that nobody knows, or that says nothing.
  Query(const Url& url, std::initializer_list<std::string_view> known) : url_(url) {
    for (const auto& [name, value] : url.query) {
      if (std::find(known.begin(), known.end(), name) == known.end()) refuse_unknown(name, known);
      if (value.empty()) refuse(name, value, "something");
    }
  }

  /// Empty where it is not there.
  [[nodiscard]] std::string_view at(std::string_view name) const noexcept {
    const auto found = std::find_if(url_.query.begin(), url_.query.end(),
                                    [name](const Url::Parameter& other) { return other.name == name; });
    return found == url_.query.end() ? std::string_view() : std::string_view(found->value);
  }

  [[noreturn]] void refuse(std::string_view name, std::string_view value, std::string_view expected) const {
    throw UsageError(
        fmt::format("{} \"{}\" in \"{}\", expected {}", name, value, url_.to_string(), expected));
  }

  /// `needed` is not there, without which another one makes no sense.
  [[noreturn]] void miss(std::string_view needed, std::string_view why) const {
    throw UsageError(fmt::format("no {} in \"{}\", expected one {}", needed, url_.to_string(), why));
  }

 private:
  [[noreturn]] void refuse_unknown(std::string_view name,
                                   std::initializer_list<std::string_view> known) const {
    throw UsageError(fmt::format("unknown parameter \"{}\" in \"{}\", expected one of {}", name,
                                 url_.to_string(), fmt::join(known, ", ")));
  }

  const Url& url_;
};

// --- single parameters -------------------------------------------------------------------------------------

std::vector<TlsCertChain> cert_chains_of(const Query& query) {
  if (query.at("cert").empty()) {
    if (!query.at("key").empty()) query.miss("cert", "that key belongs to");
    return {};
  }
  TlsCertChain chain;
  chain.certificate_file = query.at("cert");
  chain.key_file = query.at("key");
  return {std::move(chain)};
}

TlsVersion minimum_version_of(const Query& query) {
  const std::string_view text = query.at("min");
  if (text.empty() || text == "1.2") return TlsVersion::tls_1_2;
  if (text == "1.3") return TlsVersion::tls_1_3;
  query.refuse("min", text, "1.2 or 1.3");
}

std::vector<std::string> alpn_protocols_of(const Query& query) {
  const std::string_view text = query.at("alpn");
  std::vector<std::string> protocols;
  for (std::size_t begin = 0; !text.empty() && begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string_view protocol = text.substr(begin, end - begin);
    if (protocol.empty() || protocol.size() > kLongestProtocolName) {
      query.refuse("alpn", text, "protocols with commas between them, such as h2,http/1.1");
    }
    protocols.emplace_back(protocol);
    begin = end + 1;
  }
  return protocols;
}

/// Who names whom he trusts wants to know whom he has before him.
TlsVerify client_verification_of(const Query& query) {
  const bool names_trusted = !query.at("ca").empty();
  const std::string_view text = query.at("verify");
  if (text.empty()) return names_trusted ? TlsVerify::required : TlsVerify::none;
  if (text == "none") return TlsVerify::none;
  const bool is_optional = text == "optional";
  if (!is_optional && text != "required") query.refuse("verify", text, "required, optional or none");
  // The machine's are those of servers: any client that has a certificate of the web would be let in.
  if (!names_trusted) query.miss("ca", "whose clients are to be let in");
  return is_optional ? TlsVerify::optional : TlsVerify::required;
}

TlsVerify server_verification_of(const Query& query) {
  const std::string_view text = query.at("verify");
  if (text.empty() || text == "required") return TlsVerify::required;
  if (text == "none") return TlsVerify::none;
  query.refuse("verify", text, "required or none");
}

// --- all of them -------------------------------------------------------------------------------------------

TlsTerms common_terms(const Query& query) {
  TlsTerms terms;
  terms.options.cert_chains = cert_chains_of(query);
  terms.options.ca_file = query.at("ca");
  terms.options.minimum_version = minimum_version_of(query);
  terms.options.alpn_protocols = alpn_protocols_of(query);
  if (const std::string_view text = query.at("handshake"); !text.empty()) {
    terms.handshake_timeout =
        parse_seconds("handshake", text, kShortestHandshakeSeconds, kLongestHandshakeSeconds);
  }
  return terms;
}

}  // namespace

const char* const kTlsParameters =
    R"(Parameters of tls://HOST:PORT?NAME=VALUE&NAME=VALUE, in quotes because of the shell:
  cert=FILE       our certificate and those that lead to its issuer, in PEM; listening needs one
  key=FILE        its private key, where that does not stand in the same file
  ca=FILE         who is trusted. Connecting: instead of this machine's; listening: clients have to
                  show a certificate of theirs
  verify=WORD     required; none: connecting, whoever answers is believed; optional: listening, a
                  client without a certificate is let in, too
  name=NAME       connecting: whose certificate it has to be, and whom we ask for (SNI) [HOST]
  alpn=LIST       protocols to agree on, best first, such as h2,http/1.1
  min=VERSION     1.2 or 1.3, the least that is accepted [1.2]
  handshake=S     how long a handshake may take, in seconds [10]
A value may contain anything, with & as %26 and % as %25.)";

TlsTerms listening_terms(const Url& url) {
  const Query query(url, {"cert", "key", "ca", "verify", "alpn", "min", "handshake"});
  TlsTerms terms = common_terms(query);
  if (terms.options.cert_chains.empty()) query.miss("cert", "to show to clients, a file in PEM");
  terms.options.verify = client_verification_of(query);
  return terms;
}

TlsTerms connecting_terms(const Url& url) {
  const Query query(url, {"ca", "verify", "name", "cert", "key", "alpn", "min", "handshake"});
  TlsTerms terms = common_terms(query);
  terms.options.verify = server_verification_of(query);
  terms.trusts_anybody = terms.options.verify == TlsVerify::none;
  terms.options.check_hostname = !terms.trusts_anybody;
  terms.server_name = query.at("name").empty() ? std::string_view(url.host) : query.at("name");
  return terms;
}

}  // namespace tidegate::cli
