// The file that a Unix socket is bound to: taking its place, and clearing it away. Knows no servers.
#pragma once

#include <tidegate/endpoint.hpp>
#include <tidegate/socket.hpp>

#include <cstdint>
#include <string>

namespace tidegate::transport {

/// A socket file that this process has made. Removes it when told to, unless another has taken its place
/// meanwhile (contract C4).
class UnixSocketFile {
 public:
  /// None.
  UnixSocketFile() = default;
  /// The file at `path`, which was just bound.
  explicit UnixSocketFile(std::string path);

  /// Removes the file if it is still the same one. Never throws: a file that is gone is what was wanted.
  void remove() noexcept;

 private:
  std::string path_;
  std::uint64_t device_ = 0;
  std::uint64_t inode_ = 0;
};

/// Removes the socket file at `endpoint` if nobody listens there any more, so that the address can be bound
/// again. Leaves alone what is not a socket, and what somebody answers at; bind reports those. `probe`: a
/// socket of the kind that is to be bound; one of another kind counts as somebody.
void remove_stale_socket_file(const Endpoint& endpoint, const Socket& probe);

}  // namespace tidegate::transport
