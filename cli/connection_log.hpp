// What the operator of a server gets to read about its connections.
#pragma once

#include <tidegate/endpoint.hpp>
#include <tidegate/error.hpp>
#include <tidegate/tls.hpp>

#include <cstdint>
#include <string>

namespace tidegate::cli {

/// Writes a line to standard error when a connection opens, and one when it closes.
class ConnectionLog {
 public:
  /// Returns the number under which the connection appears in the log. `tls`: null where it is not secured.
  std::uint64_t opened(const Endpoint& peer, const Endpoint& local, const TlsObject* tls);

  /// One that never came to be, because its handshake failed.
  static void refused(const Endpoint& peer, const std::string& why);

  /// `received_bytes` is what the peer has sent, `reason` why the connection ended.
  void closed(std::uint64_t number, const Endpoint& peer, std::uint64_t received_bytes, const Error& reason);

 private:
  std::uint64_t connections_ = 0;
};

}  // namespace tidegate::cli
