// A UDP or Unix datagram socket: its names, its queue, and what its calls say. Knows nothing of how datagrams
// travel.
#pragma once

#include "base/intrusive_list.hpp"
#include "kernel/sim/address_book.hpp"
#include "kernel/sim/datagram.hpp"
#include "kernel/sim/file.hpp"
#include "kernel/sim/socket_options.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>

namespace tidegate::kernel::sim {

struct Environment;

class DatagramSocket final : public SocketFile, public std::enable_shared_from_this<DatagramSocket> {
 public:
  DatagramSocket(Environment& environment, int domain) noexcept;
  DatagramSocket(const DatagramSocket&) = delete;
  DatagramSocket& operator=(const DatagramSocket&) = delete;
  ~DatagramSocket() override;
  /// As socketpair(2), for Unix sockets.
  static void pair(const std::shared_ptr<DatagramSocket>& one,
                   const std::shared_ptr<DatagramSocket>& other) noexcept;

  // --- what datagrams tell it ----------------------------------------------------------------------

  /// Has arrived; what finds no room is lost.
  void take(std::unique_ptr<Datagram> datagram) noexcept;
  /// A Unix datagram is coming, which counts already.
  void expect() noexcept { ++count_; }
  void take_expected(std::unique_ptr<Datagram> datagram) noexcept;
  /// What was sent there has found nobody.
  void refused(const InternetName& by) noexcept;
  void burden(std::size_t bytes) noexcept { sending_bytes_ += bytes; }
  void unburden(std::size_t bytes) noexcept { sending_bytes_ -= bytes; }

  // --- File ----------------------------------------------------------------------------------------

  [[nodiscard]] std::ptrdiff_t receive(msghdr& message, int flags) noexcept override;
  [[nodiscard]] std::ptrdiff_t send(const msghdr& message) noexcept override;
  [[nodiscard]] short poll() const noexcept override;
  void close() noexcept override;
  [[nodiscard]] std::uint32_t name() const noexcept override { return name_; }
  [[nodiscard]] SocketFile* as_socket() noexcept override { return this; }
  [[nodiscard]] PipeEnd* as_pipe() noexcept override { return nullptr; }

  [[nodiscard]] int bind(const sockaddr* address, socklen_t length) noexcept override;
  [[nodiscard]] int listen(int backlog) noexcept override;
  [[nodiscard]] int connect(const sockaddr* address, socklen_t length) noexcept override;
  [[nodiscard]] int accept(std::shared_ptr<File>& accepted, sockaddr* address,
                           socklen_t* length) noexcept override;
  [[nodiscard]] int getsockname(sockaddr* address, socklen_t* length) const noexcept override;
  [[nodiscard]] int getpeername(sockaddr* address, socklen_t* length) const noexcept override;
  [[nodiscard]] int getsockopt(int level, int name, void* value, socklen_t* length) noexcept override;
  [[nodiscard]] int setsockopt(int level, int name, const void* value, socklen_t length) noexcept override;
  [[nodiscard]] int shutdown(int how) noexcept override;

 private:
  [[nodiscard]] bool is_unix() const noexcept { return options_.is_unix(); }
  [[nodiscard]] bool has_room_to_send() const noexcept;
  [[nodiscard]] std::ptrdiff_t send_udp(const msghdr& message);
  [[nodiscard]] std::ptrdiff_t send_unix(const msghdr& message);
  [[nodiscard]] int connect_udp(const SocketName& to) noexcept;
  [[nodiscard]] int connect_unix(const SocketName& to) noexcept;
  void disconnect() noexcept;
  [[nodiscard]] int bind_where_free(const InternetName& beside) noexcept;
  /// Who has that Unix name, or an errno.
  [[nodiscard]] int find_receiver(const UnixName& name, std::shared_ptr<DatagramSocket>& receiver) noexcept;
  /// No more is taken from a sender that is not its only one.
  [[nodiscard]] bool is_full_for(const DatagramSocket& sender) const noexcept;
  void drop_queue() noexcept;

  Environment& environment_;
  SocketOptions options_;
  std::uint32_t name_;
  Binding binding_;
  /// What has arrived, owned; how much that is, with what is coming; and its share of the receive buffer.
  base::IntrusiveList<Datagram> queue_;
  std::size_t count_ = 0;
  std::size_t queued_bytes_ = 0;
  std::size_t sending_bytes_ = 0;
  TimePoint last_arrival_;
  /// The other end where it is connected: of UDP the name, of Unix the socket as well.
  SocketName peer_name_;
  std::weak_ptr<DatagramSocket> peer_;
  int error_ = 0;
  bool is_connected_ = false;
  /// Connecting has chosen the address of this end.
  bool address_is_chosen_ = false;
  bool cannot_send_ = false;
  bool cannot_receive_ = false;
  bool is_closed_ = false;
};

}  // namespace tidegate::kernel::sim
