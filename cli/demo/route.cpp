// See route.hpp.
#include "demo/route.hpp"

#include <tidegate/endpoint.hpp>
#include <tidegate/error.hpp>
#include <tidegate/server.hpp>
#include <tidegate/socket.hpp>

#include "demo/scratch_folder.hpp"
#include "demo/tls_route.hpp"

#include <utility>

#include <fmt/format.h>
#include <unistd.h>

namespace tidegate::cli::demo {

namespace {

class TcpRoute final : public Route {
 public:
  TcpRoute(std::string name, std::string host) : name_(std::move(name)), host_(std::move(host)) {}

  [[nodiscard]] std::string name() const override { return name_; }

  [[nodiscard]] std::string missing_because() const override {
    const auto endpoint = Endpoint::from_numeric_host(host_, Port(0));
    try {
      Socket::stream(endpoint->family()).bind(*endpoint);
    } catch (const OsError& error) {
      return error.what();
    }
    return {};
  }

  [[nodiscard]] bool is_secured() const noexcept override { return false; }

  [[nodiscard]] Task<> listen(ProtocolFactory factory) override {
    server_ = co_await get_running_loop().create_server(std::move(factory), host_, Port(0));
  }

  [[nodiscard]] Task<> connect(std::shared_ptr<StreamProtocol> client) override {
    const auto make_client = [&client] { return client; };
    const Port port = server_.endpoints().front().port();
    co_await get_running_loop().create_connection(make_client, host_, port);
  }

  [[nodiscard]] Task<> close() override { return close_server(std::exchange(server_, Server())); }

 private:
  std::string name_;
  std::string host_;
  Server server_;
};

class UnixRoute final : public Route {
 public:
  /// `path`: a path, or "@" and an abstract name.
  UnixRoute(std::string name, std::string path) : name_(std::move(name)), path_(std::move(path)) {}

  [[nodiscard]] std::string name() const override { return name_; }
  [[nodiscard]] std::string missing_because() const override { return {}; }

  [[nodiscard]] bool is_secured() const noexcept override { return false; }

  [[nodiscard]] Task<> listen(ProtocolFactory factory) override {
    server_ = co_await get_running_loop().create_unix_server(std::move(factory), path_);
  }

  [[nodiscard]] Task<> connect(std::shared_ptr<StreamProtocol> client) override {
    const auto make_client = [&client] { return client; };
    co_await get_running_loop().create_unix_connection(make_client, path_);
  }

  [[nodiscard]] Task<> close() override { return close_server(std::exchange(server_, Server())); }

 private:
  std::string name_;
  std::string path_;
  Server server_;
};

/// A socket file in a folder that lasts as long as the route.
class UnixPathRoute final : public Route {
 public:
  [[nodiscard]] std::string name() const override { return route_.name(); }
  [[nodiscard]] std::string missing_because() const override { return {}; }
  [[nodiscard]] bool is_secured() const noexcept override { return false; }

  [[nodiscard]] Task<> listen(ProtocolFactory factory) override { return route_.listen(std::move(factory)); }
  [[nodiscard]] Task<> connect(std::shared_ptr<StreamProtocol> client) override {
    return route_.connect(std::move(client));
  }
  [[nodiscard]] Task<> close() override { return route_.close(); }

 private:
  ScratchFolder folder_;
  UnixRoute route_{"unix path", folder_.path() + "/demo.sock"};
};

/// Sockets that exist already: both ends are handed to the loop.
class SocketPairRoute final : public Route {
 public:
  [[nodiscard]] std::string name() const override { return "socket pair"; }
  [[nodiscard]] std::string missing_because() const override { return {}; }

  [[nodiscard]] bool is_secured() const noexcept override { return false; }

  [[nodiscard]] Task<> listen(ProtocolFactory factory) override {
    factory_ = std::move(factory);
    co_return;
  }

  [[nodiscard]] Task<> connect(std::shared_ptr<StreamProtocol> client) override {
    auto [server_socket, client_socket] = Socket::pair();
    const auto make_server = [this] { return factory_(); };
    const auto make_client = [&client] { return client; };
    const auto accepted =
        co_await get_running_loop().connect_accepted_socket(make_server, std::move(server_socket));
    accepted_.push_back(accepted.transport);
    co_await get_running_loop().create_connection(make_client, std::move(client_socket));
  }

  [[nodiscard]] Task<> close() override {
    for (const TransportRef& transport : std::exchange(accepted_, {})) transport->abort();
    factory_ = nullptr;
    co_return;
  }

 private:
  ProtocolFactory factory_;
  std::vector<TransportRef> accepted_;
};

}  // namespace

Task<> close_server(Server server) {
  if (!server) co_return;
  server.close();
  server.abort_clients();
  co_await server.wait_closed();
}

std::vector<std::unique_ptr<Route>> every_route() {
  std::vector<std::unique_ptr<Route>> routes;
  routes.push_back(std::make_unique<TcpRoute>("tcp IPv4", "127.0.0.1"));
  routes.push_back(std::make_unique<TcpRoute>("tcp IPv6", "::1"));
  routes.push_back(std::make_unique<UnixPathRoute>());
  routes.push_back(
      std::make_unique<UnixRoute>("unix abstract", fmt::format("@tidegate-demo-{}", ::getpid())));
  routes.push_back(std::make_unique<SocketPairRoute>());
  routes.push_back(tls_route());
  return routes;
}

}  // namespace tidegate::cli::demo
