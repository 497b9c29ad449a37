// Datagrams in batches, as the backends receive and send them: many for one system call, and where the kernel
// can, many as one large message. Knows no operations but the shape of what they send.
#pragma once

#include <tidegate/bytes.hpp>
#include <tidegate/descriptor.hpp>
#include <tidegate/endpoint.hpp>

#include "kernel/operation.hpp"
#include "net/socket_address.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include <sys/socket.h>
#include <sys/uio.h>

namespace tidegate::kernel {

/// Sends what the kernel takes at this moment: how many of the datagrams, from the first on, > 0; or a
/// negative errno: the first was refused (-EAGAIN: there is no room). At most DatagramSendOperation::kBatch.
/// Of `train_limit_bytes` or smaller ones, several of one size are sent as one message; it becomes smaller
/// where the kernel refuses that.
[[nodiscard]] std::ptrdiff_t send_datagrams_now(FileDescriptor descriptor,
                                                std::span<const OutgoingDatagram> datagrams,
                                                std::uint16_t& train_limit_bytes) noexcept;

/// Throws away what waits in the error queue of a socket. Only a program that asks for it (IP_RECVERR) has
/// anything there, and then the socket is reported as broken, and its room for datagrams becomes less, until
/// somebody takes it. A receive is told of the same errors.
void discard_error_queue(FileDescriptor descriptor) noexcept;

/// What one call has received: messages, each a datagram or, where the kernel joins them (UDP_GRO), several
/// of one size in a row.
///
/// One large area for all sockets of a backend: each message has room for the largest that there can be, and
/// of that only as much memory is ever touched as arrives.
class DatagramBatch {
 public:
  /// A message that was received.
  struct Message {
    BytesView bytes;
    const net::SocketAddress& sender;
    /// The size of the datagrams in it; the last may be smaller. 0: it is a single one.
    std::size_t segment_bytes;
    /// It was larger than the room for it, and is not whole.
    bool cut;
  };

  /// Throws std::bad_alloc.
  DatagramBatch();
  DatagramBatch(const DatagramBatch&) = delete;
  DatagramBatch& operator=(const DatagramBatch&) = delete;
  ~DatagramBatch() = default;

  /// Receives what there is at this moment: a number of messages > 0, or a negative errno. What the last call
  /// received is gone then.
  [[nodiscard]] int receive(FileDescriptor descriptor, AddressFamily family) noexcept;
  /// Whether the last call had no room for more.
  [[nodiscard]] bool was_full() const noexcept { return received_ == capacity_; }
  /// REQUIRES: `index` is less than what the last call returned.
  [[nodiscard]] Message message(int index) noexcept;

 private:
  // The internet's datagrams have at most 65,535 bytes, also several in a row. Unix ones are bounded by the
  // sender's buffer only, which is 416 KiB at most unless the system was set up for more.
  static constexpr std::size_t kInternetMessages = 32;
  static constexpr std::size_t kUnixMessages = 4;
  /// The beginnings of messages, all that there is of most, must not compete for the same lines of the
  /// processor's cache: so they are not 64 KiB apart, but some lines more.
  static constexpr std::size_t kInternetStride = std::size_t{64} * 1024 + 9 * 64;
  static constexpr std::size_t kMemoryBytes = kInternetMessages * kInternetStride;
  static constexpr std::size_t kUnixStride = kMemoryBytes / kUnixMessages / 64 * 64;

  /// Room for what the kernel says of a message: one number, behind all that options of the program may add
  /// (time stamps of every kind, addresses, a count of losses). Without that number a train is not told from
  /// one datagram.
  struct Remarks {
    alignas(cmsghdr) std::array<std::byte, 320> bytes;
  };

  void lay_out(bool unix_domain) noexcept;
  void make_ready(std::size_t index) noexcept;
  [[nodiscard]] static std::size_t segment_bytes(msghdr& header) noexcept;

  std::unique_ptr<std::byte[]> memory_;
  std::size_t capacity_ = 0;
  std::size_t received_ = 0;
  bool unix_domain_ = false;
  std::array<mmsghdr, kInternetMessages> headers_{};
  std::array<iovec, kInternetMessages> pieces_{};
  std::array<net::SocketAddress, kInternetMessages> senders_{};
  std::array<Remarks, kInternetMessages> remarks_;
};

}  // namespace tidegate::kernel
