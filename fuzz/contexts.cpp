#include "contexts.hpp"

#include "repeatable_random.hpp"
#include "support/certificates.hpp"

#include <array>
#include <stdexcept>
#include <string>

namespace tidegate::fuzz {

namespace {

constexpr std::size_t kRoles = 2;
constexpr std::size_t kVersions = 3;
constexpr std::size_t kExtents = 2;

template <typename Enumeration>
constexpr std::size_t index_of(Enumeration value) {
  return static_cast<std::size_t>(value);
}

TlsOptions options_of(Role role, Versions versions) {
  TlsOptions options;
  options.ca_data = testing::trusted_authority().certificate_pem();
  if (role == Role::server) options.cert_chains = {testing::server_certificate().chain()};
  if (versions == Versions::only_1_2) options.maximum_version = TlsVersion::tls_1_2;
  if (versions == Versions::only_1_3) options.minimum_version = TlsVersion::tls_1_3;
  return options;
}

void add_everything(Role role, const TlsContext& other, TlsOptions& options) {
  options.alpn_protocols = {"h2", "http/1.1"};
  if (role == Role::client) {
    options.cert_chains = {testing::client_certificate().chain()};
    return;
  }
  options.verify = TlsVerify::optional;
  options.sni_callback = [other](const std::string& name) {
    if (name == "nobody.example") throw std::invalid_argument("no such server");
    return name == "other.example" ? other : TlsContext();
  };
}

class Contexts {
 public:
  Contexts() {
    begin_repeatable_random(1);
    for (const Role role : {Role::client, Role::server}) {
      for (const Versions versions : {Versions::only_1_2, Versions::only_1_3, Versions::both}) {
        TlsOptions options = options_of(role, versions);
        TlsContext& plain = at(role, versions, Extent::plain);
        plain = make(role, options);
        add_everything(role, plain, options);
        at(role, versions, Extent::everything) = make(role, options);
      }
    }
  }

  TlsContext& at(Role role, Versions versions, Extent extent) {
    return contexts_[(index_of(role) * kVersions + index_of(versions)) * kExtents + index_of(extent)];
  }

 private:
  static TlsContext make(Role role, const TlsOptions& options) {
    return role == Role::server ? TlsContext::server(options) : TlsContext::client(options);
  }

  std::array<TlsContext, kRoles * kVersions * kExtents> contexts_;
};

}  // namespace

const TlsContext& context(Role role, Versions versions, Extent extent) {
  static Contexts contexts;
  return contexts.at(role, versions, extent);
}

}  // namespace tidegate::fuzz
