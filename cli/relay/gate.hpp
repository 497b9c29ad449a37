// Listening, and accepting no more connections than there may be: the others wait in the kernel's queue,
// where their clients feel it.
#pragma once

#include <tidegate/endpoint.hpp>
#include <tidegate/handle.hpp>
#include <tidegate/loop.hpp>
#include <tidegate/server.hpp>
#include <tidegate/socket.hpp>
#include <tidegate/task.hpp>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace tidegate::cli::relay {

/// The listening sockets of one place. A Server binds them, and clears a socket file away; it never accepts,
/// for it would not stop at a number.
///
/// Lifetime: shorter than the loop's.
class Gate {
 public:
  /// Called with each connection, which counts until `connection_ended`.
  using OnAccepted = std::function<void(Socket)>;
  /// Called with a line for people when connections can't be accepted for a while.
  using OnTrouble = std::function<void(const std::string&)>;

  /// `most_connections`: at a time; none: no limit.
  Gate(Loop& loop, std::optional<std::size_t> most_connections, OnAccepted on_accepted, OnTrouble on_trouble);
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  ~Gate() { close(); }

  /// Listens at `url`, and begins to accept. Throws std::runtime_error that names the place. Lifetime: the
  /// gate outlives the task.
  [[nodiscard]] Task<> open(const Url& url);
  /// The places, as they would be typed, with the ports that the system chose.
  [[nodiscard]] std::vector<std::string> places() const;
  /// One connection fewer.
  void connection_ended();
  /// Listens no more. Idempotent.
  void close();

 private:
  [[nodiscard]] bool is_full() const noexcept { return open_connections_ >= most_connections_; }
  void watch();
  void look_away();
  void accept_from(const Socket& listener);
  void rest(int error);

  Loop& loop_;
  std::size_t most_connections_;
  OnAccepted on_accepted_;
  OnTrouble on_trouble_;
  Url::Scheme scheme_ = Url::Scheme::tcp;  // of what is listened at
  Server server_;
  std::vector<Socket> listeners_;  // the server's, under numbers of our own
  TimerHandle retry_;
  std::size_t open_connections_ = 0;
  bool is_watching_ = false;
  bool is_short_ = false;  // of descriptors or memory, and it was said; until a connection is accepted again
};

}  // namespace tidegate::cli::relay
