// Socket files: see unix_socket_file.hpp.
#include "transport/unix_socket_file.hpp"

#include "net/descriptor_calls.hpp"
#include "net/socket_address.hpp"

#include <cerrno>
#include <utility>

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tidegate::transport {

UnixSocketFile::UnixSocketFile(std::string path) : path_(std::move(path)) {
  struct stat status {};
  if (::stat(path_.c_str(), &status) != 0) {
    path_.clear();  // gone already: nothing to remove
    return;
  }
  device_ = status.st_dev;
  inode_ = status.st_ino;
}

void UnixSocketFile::remove() noexcept {
  if (path_.empty()) return;
  struct stat status {};
  const bool same =
      ::stat(path_.c_str(), &status) == 0 && status.st_dev == device_ && status.st_ino == inode_;
  if (same) static_cast<void>(::unlink(path_.c_str()));
  path_.clear();
}

void remove_stale_socket_file(const Endpoint& endpoint, const Socket& probe) {
  if (endpoint.is_abstract() || endpoint.path().empty()) return;
  const std::string path(endpoint.path());
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return;
  // A listener that is alive answers (or has a full queue); only a dead one refuses.
  const net::SocketAddress address = net::to_sockaddr(endpoint);
  if (net::call::connect(probe.descriptor(), address.get(), address.length) != 0 && errno == ECONNREFUSED) {
    static_cast<void>(::unlink(path.c_str()));
  }
}

}  // namespace tidegate::transport
