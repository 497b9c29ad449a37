// The arguments of the programs that talk to other people's TLS: NAME=VALUE each, some of them more than
// once.
#pragma once

#include <tidegate/tls.hpp>

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tidegate::tls_peers {

class Arguments {
 public:
  /// Throws std::invalid_argument for what is no NAME=VALUE.
  Arguments(int count, char** values) {
    for (int place = 1; place < count; ++place) {
      const std::string_view argument = values[place];
      const std::size_t equals = argument.find('=');
      if (equals == std::string_view::npos) {
        throw std::invalid_argument(std::string(argument) + ": expected NAME=VALUE");
      }
      given_.emplace_back(argument.substr(0, equals), argument.substr(equals + 1));
    }
  }

  [[nodiscard]] std::vector<std::string> all(std::string_view name) const {
    std::vector<std::string> values;
    for (const auto& [given, value] : given_) {
      if (given == name) values.push_back(value);
    }
    return values;
  }
  [[nodiscard]] bool has(std::string_view name) const { return !all(name).empty(); }
  /// The last one; `otherwise` where there is none.
  [[nodiscard]] std::string value(std::string_view name, std::string otherwise = {}) const {
    const std::vector<std::string> values = all(name);
    return values.empty() ? std::move(otherwise) : values.back();
  }

  /// cert=, key=, ca=, alpn= (each protocol by itself), max= ("1.2").
  [[nodiscard]] TlsOptions tls_options() const {
    TlsOptions options;
    if (has("cert")) {
      TlsCertChain chain;
      chain.certificate_file = value("cert");
      chain.key_file = value("key");
      options.cert_chains.push_back(chain);
    }
    options.ca_file = value("ca");
    options.alpn_protocols = all("alpn");
    if (value("max") == "1.2") options.maximum_version = TlsVersion::tls_1_2;
    return options;
  }

 private:
  std::vector<std::pair<std::string, std::string>> given_;
};

}  // namespace tidegate::tls_peers
