// The ways in which two protocols can be connected: one for each kind of transport there is.
#pragma once

#include <tidegate/loop.hpp>
#include <tidegate/protocol.hpp>
#include <tidegate/server.hpp>
#include <tidegate/task.hpp>

#include <memory>
#include <string>
#include <vector>

namespace tidegate::cli::demo {

/// One kind of transport. Listens and closes any number of times, one after the other.
class Route {
 public:
  Route() = default;
  Route(const Route&) = delete;
  Route& operator=(const Route&) = delete;
  virtual ~Route() = default;

  /// For people: "tcp IPv4".
  [[nodiscard]] virtual std::string name() const = 0;
  /// Why this machine does not have it; empty where it does.
  [[nodiscard]] virtual std::string missing_because() const = 0;

  /// Whether it encrypts, and tells a connection that was cut from one that has ended.
  [[nodiscard]] virtual bool is_secured() const noexcept = 0;

  /// From now on each connection gets a protocol from `factory` at its other end.
  [[nodiscard]] virtual Task<> listen(ProtocolFactory factory) = 0;
  /// Makes one connection, with `client` at this end. REQUIRES: listening.
  [[nodiscard]] virtual Task<> connect(std::shared_ptr<StreamProtocol> client) = 0;
  /// Stops listening and ends what is left of its connections.
  [[nodiscard]] virtual Task<> close() = 0;
};

/// The end of a route on which somebody listens; an empty server where that has failed.
[[nodiscard]] Task<> close_server(Server server);

/// All of them, in the order in which the demo takes them. Throws OsError where there is no place for a
/// socket file.
[[nodiscard]] std::vector<std::unique_ptr<Route>> every_route();

}  // namespace tidegate::cli::demo
