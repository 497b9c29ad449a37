// See tls_route.hpp.
#include "demo/tls_route.hpp"

#include <tidegate/server.hpp>
#include <tidegate/tls.hpp>

#include "demo/identity.hpp"

#include <string_view>
#include <utility>

namespace tidegate::cli::demo {

namespace {

constexpr std::string_view kHost = "127.0.0.1";

class TlsRoute final : public Route {
 public:
  [[nodiscard]] std::string name() const override { return "tls over tcp"; }
  [[nodiscard]] std::string missing_because() const override {
    return can_make_identities() ? "" : "this build is without TLS";
  }
  [[nodiscard]] bool is_secured() const noexcept override { return true; }

  [[nodiscard]] Task<> listen(ProtocolFactory factory) override {
    // Of its own each time: what a client remembers of the last one must be of no use.
    const Identity identity = make_identity();
    clients_ = TlsContext::client({.ca_data = identity.authority});
    TlsCertChain chain;
    chain.certificate_pem = identity.certificate;
    chain.key_pem = identity.key;
    TlsOptions options;
    options.cert_chains.push_back(std::move(chain));
    const TlsContext servers = TlsContext::server(options);
    ServerOptions how;
    how.tls = servers;
    server_ = co_await get_running_loop().create_server(std::move(factory), kHost, Port(0), how);
  }

  [[nodiscard]] Task<> connect(std::shared_ptr<StreamProtocol> client) override {
    const auto make_client = [&client] { return client; };
    const Port port = server_.endpoints().front().port();
    ConnectOptions how;
    how.tls = clients_;
    how.server_hostname = kHostOfIdentity;
    co_await get_running_loop().create_connection(make_client, kHost, port, how);
  }

  [[nodiscard]] Task<> close() override { return close_server(std::exchange(server_, Server())); }

 private:
  TlsContext clients_;
  Server server_;
};

}  // namespace

std::unique_ptr<Route> tls_route() { return std::make_unique<TlsRoute>(); }

}  // namespace tidegate::cli::demo
