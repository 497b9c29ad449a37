// What a simulated descriptor stands for: the calls on it, without its number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include <sys/socket.h>

namespace tidegate::kernel::sim {

class PipeEnd;
class SocketFile;

/// An open socket or end of a pipe, shared by the descriptors that were duplicated from one. Each call does
/// what the system call does on a non-blocking descriptor, and gives a negative errno where that fails.
class File {
 public:
  virtual ~File() = default;

  [[nodiscard]] virtual std::ptrdiff_t receive(msghdr& message, int flags) noexcept = 0;
  [[nodiscard]] virtual std::ptrdiff_t send(const msghdr& message) noexcept = 0;
  [[nodiscard]] virtual short poll() const noexcept = 0;
  /// Its last descriptor is gone.
  virtual void close() noexcept = 0;
  /// In the trace.
  [[nodiscard]] virtual std::uint32_t name() const noexcept = 0;
  /// The same as one of these; null: it is the other.
  [[nodiscard]] virtual SocketFile* as_socket() noexcept = 0;
  [[nodiscard]] virtual PipeEnd* as_pipe() noexcept = 0;
};

class SocketFile : public File {
 public:
  [[nodiscard]] virtual int bind(const sockaddr* address, socklen_t length) noexcept = 0;
  [[nodiscard]] virtual int listen(int backlog) noexcept = 0;
  [[nodiscard]] virtual int connect(const sockaddr* address, socklen_t length) noexcept = 0;
  /// 0 and the new socket, or a negative errno.
  [[nodiscard]] virtual int accept(std::shared_ptr<File>& accepted, sockaddr* address,
                                   socklen_t* length) noexcept = 0;
  [[nodiscard]] virtual int getsockname(sockaddr* address, socklen_t* length) const noexcept = 0;
  [[nodiscard]] virtual int getpeername(sockaddr* address, socklen_t* length) const noexcept = 0;
  [[nodiscard]] virtual int getsockopt(int level, int name, void* value, socklen_t* length) noexcept = 0;
  [[nodiscard]] virtual int setsockopt(int level, int name, const void* value, socklen_t length) noexcept = 0;
  [[nodiscard]] virtual int shutdown(int how) noexcept = 0;
};

}  // namespace tidegate::kernel::sim
