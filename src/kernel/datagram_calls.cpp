// Datagrams in batches: see datagram_calls.hpp.
#include "kernel/datagram_calls.hpp"

#include "net/socket_options.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <numeric>

#include <netinet/in.h>
#include <netinet/udp.h>

namespace tidegate::kernel {

// --- receiving -----------------------------------------------------------------------------------

DatagramBatch::DatagramBatch() : memory_(std::make_unique_for_overwrite<std::byte[]>(kMemoryBytes)) {
  lay_out(false);
}

void DatagramBatch::lay_out(bool unix_domain) noexcept {
  unix_domain_ = unix_domain;
  capacity_ = unix_domain ? kUnixMessages : kInternetMessages;
  const std::size_t stride = unix_domain ? kUnixStride : kInternetStride;
  for (std::size_t index = 0; index < capacity_; ++index) {
    pieces_[index] = {.iov_base = memory_.get() + index * stride, .iov_len = stride};
    make_ready(index);
  }
}

/// The kernel overwrites the lengths in a header with those of what it has received.
void DatagramBatch::make_ready(std::size_t index) noexcept {
  msghdr& header = headers_[index].msg_hdr;
  header = {};
  header.msg_name = &senders_[index].storage;
  header.msg_namelen = net::SocketAddress::capacity();
  header.msg_iov = &pieces_[index];
  header.msg_iovlen = 1;
  // A Unix socket would put descriptors there that somebody passes: those are refused.
  if (unix_domain_) return;
  header.msg_control = remarks_[index].bytes.data();
  header.msg_controllen = remarks_[index].bytes.size();
}

int DatagramBatch::receive(FileDescriptor descriptor, AddressFamily family) noexcept {
  const bool unix_domain = family == AddressFamily::unix_domain;
  if (unix_domain != unix_domain_) {
    lay_out(unix_domain);
  } else {
    for (std::size_t index = 0; index < received_; ++index) make_ready(index);
  }
  received_ = 0;
  for (;;) {
    const int count = ::recvmmsg(descriptor.number, headers_.data(), static_cast<unsigned>(capacity_),
                                 MSG_DONTWAIT, nullptr);
    if (count > 0) {
      received_ = static_cast<std::size_t>(count);
      return count;
    }
    if (count == 0) return -EAGAIN;
    if (errno != EINTR) return -errno;
  }
}

DatagramBatch::Message DatagramBatch::message(int index) noexcept {
  const auto place = static_cast<std::size_t>(index);
  mmsghdr& received = headers_[place];
  net::SocketAddress& sender = senders_[place];
  // A Unix socket without a name has no address at all, not even a family.
  sender.length = std::min(received.msg_hdr.msg_namelen, net::SocketAddress::capacity());
  const bool cut = (received.msg_hdr.msg_flags & MSG_TRUNC) != 0;
  return {.bytes = BytesView(pieces_[place].iov_base, received.msg_len),
          .sender = sender,
          .segment_bytes = segment_bytes(received.msg_hdr),
          .cut = cut};
}

std::size_t DatagramBatch::segment_bytes(msghdr& header) noexcept {
  if (header.msg_controllen == 0) return 0;
  for (cmsghdr* remark = CMSG_FIRSTHDR(&header); remark != nullptr; remark = CMSG_NXTHDR(&header, remark)) {
    if (remark->cmsg_level != SOL_UDP || remark->cmsg_type != UDP_GRO) continue;
    int size = 0;
    std::memcpy(&size, CMSG_DATA(remark), sizeof size);
    return size > 0 ? static_cast<std::size_t>(size) : 0;
  }
  return 0;
}

void discard_error_queue(FileDescriptor descriptor) noexcept {
  // Others have none, and would give a datagram in its place.
  const AddressFamily family = net::family_of(descriptor);
  if (family != AddressFamily::ipv4 && family != AddressFamily::ipv6) return;
  constexpr int kMost = 64;  // no more at a time; what is left is reported again
  for (int count = 0; count < kMost; ++count) {
    msghdr nothing_wanted{};
    if (::recvmsg(descriptor.number, &nothing_wanted, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return;
  }
}

// --- sending -------------------------------------------------------------------------------------

namespace {

constexpr int kSendFlags = MSG_NOSIGNAL | MSG_DONTWAIT;

/// The messages of one call: a datagram each, or a train of them.
class OutgoingMessages {
 public:
  OutgoingMessages(std::span<const OutgoingDatagram> datagrams, std::size_t train_limit_bytes) noexcept {
    const std::size_t end = std::min(datagrams.size(), DatagramSendOperation::kBatch);
    for (std::size_t next = 0; next < end;) {
      const std::size_t size = length_of_train(datagrams.subspan(next, end - next), train_limit_bytes);
      add(datagrams.subspan(next, size));
      next += size;
    }
  }

  [[nodiscard]] mmsghdr* data() noexcept { return headers_.data(); }
  [[nodiscard]] unsigned count() const noexcept { return count_; }
  [[nodiscard]] bool begins_with_train() const noexcept { return datagrams_[0] > 1; }
  /// How many datagrams the first `messages` messages are.
  [[nodiscard]] std::ptrdiff_t datagrams_in(int messages) const noexcept {
    return std::accumulate(datagrams_.begin(), datagrams_.begin() + messages, std::ptrdiff_t{0});
  }

 private:
  /// The kernel's own limits for one message: so many segments (before Linux 6.9), and so many bytes, less
  /// the headers of IPv6.
  static constexpr std::size_t kTrainDatagrams = 64;
  static constexpr std::size_t kTrainBytes = 65'535 - 40 - 8;

  /// How many of the first datagrams can go as one message: those of the size of the first, and a smaller one
  /// behind them.
  static std::size_t length_of_train(std::span<const OutgoingDatagram> datagrams,
                                     std::size_t train_limit_bytes) noexcept {
    const OutgoingDatagram& first = datagrams.front();
    const std::size_t size_bytes = first.bytes.size();
    if (size_bytes == 0 || size_bytes > train_limit_bytes) return 1;
    std::size_t total_bytes = size_bytes;
    std::size_t length = 1;
    while (length < datagrams.size() && length < kTrainDatagrams) {
      const OutgoingDatagram& next = datagrams[length];
      total_bytes += next.bytes.size();
      const bool fits = !next.bytes.empty() && next.bytes.size() <= size_bytes && total_bytes <= kTrainBytes;
      if (!fits || !same(next.address, first.address)) break;
      ++length;
      if (next.bytes.size() < size_bytes) break;
    }
    return length;
  }

  /// A queue keeps the address of many once.
  static bool same(BytesView address, BytesView other) noexcept {
    return (address.data() == other.data() && address.size() == other.size()) || address == other;
  }

  void add(std::span<const OutgoingDatagram> train) noexcept {
    msghdr& header = headers_[count_].msg_hdr;
    header = {};
    const BytesView address = train.front().address;
    if (!address.empty()) {
      header.msg_name = const_cast<std::byte*>(address.data());  // only read; so are the pieces
      header.msg_namelen = static_cast<socklen_t>(address.size());
    }
    header.msg_iov = &pieces_[piece_count_];
    header.msg_iovlen = add_pieces(train);
    if (train.size() > 1) put_segment_size(header, train.front().bytes.size());
    datagrams_[count_++] = static_cast<std::uint16_t>(train.size());
  }

  /// Those that lie in a row are one piece. Returns how many pieces there are.
  std::size_t add_pieces(std::span<const OutgoingDatagram> train) noexcept {
    const std::size_t first = piece_count_;
    const std::byte* end = nullptr;
    for (const OutgoingDatagram& datagram : train) {
      const BytesView bytes = datagram.bytes;
      if (end == bytes.data() && piece_count_ > first) {
        pieces_[piece_count_ - 1].iov_len += bytes.size();
      } else {
        pieces_[piece_count_++] = {.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};
      }
      end = bytes.data() + bytes.size();
    }
    return piece_count_ - first;
  }

  void put_segment_size(msghdr& header, std::size_t size_bytes) noexcept {
    const auto size = static_cast<std::uint16_t>(size_bytes);
    Remark& remark = remarks_[count_];
    remark = {};
    header.msg_control = remark.bytes.data();
    header.msg_controllen = remark.bytes.size();
    cmsghdr* segments = CMSG_FIRSTHDR(&header);
    segments->cmsg_level = SOL_UDP;
    segments->cmsg_type = UDP_SEGMENT;
    segments->cmsg_len = CMSG_LEN(sizeof size);
    std::memcpy(CMSG_DATA(segments), &size, sizeof size);
  }

  struct Remark {
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(std::uint16_t))> bytes;
  };

  // Filled as far as there are messages, and no further.
  std::array<mmsghdr, DatagramSendOperation::kBatch> headers_;
  std::array<iovec, DatagramSendOperation::kBatch> pieces_;
  std::array<Remark, DatagramSendOperation::kBatch> remarks_;
  std::array<std::uint16_t, DatagramSendOperation::kBatch> datagrams_;  // in each message
  unsigned count_ = 0;
  std::size_t piece_count_ = 0;
};

/// What a train of datagrams of this size that was refused says of others. EIO: this interface or socket
/// can't do it at all. EINVAL and EMSGSIZE: a datagram would have to be fragmented. (They may have other
/// reasons, which the datagrams one by one will show.) False: it says nothing.
bool learn_from_refusal(int error, std::size_t size_bytes, std::uint16_t& train_limit_bytes) noexcept {
  switch (error) {
    case EIO:
    case EOPNOTSUPP:
      train_limit_bytes = 0;
      return true;
    case EINVAL:
    case EMSGSIZE:
      train_limit_bytes = static_cast<std::uint16_t>(size_bytes - 1);
      return true;
    default:
      return false;
  }
}

std::ptrdiff_t send_one(FileDescriptor descriptor, const OutgoingDatagram& datagram) noexcept {
  const auto* address =
      datagram.address.empty() ? nullptr : reinterpret_cast<const sockaddr*>(datagram.address.data());
  for (;;) {
    const std::ptrdiff_t sent =
        ::sendto(descriptor.number, datagram.bytes.data(), datagram.bytes.size(), kSendFlags, address,
                 static_cast<socklen_t>(datagram.address.size()));
    if (sent >= 0) return 1;
    if (errno != EINTR) return -errno;
  }
}

}  // namespace

std::ptrdiff_t send_datagrams_now(FileDescriptor descriptor, std::span<const OutgoingDatagram> datagrams,
                                  std::uint16_t& train_limit_bytes) noexcept {
  if (datagrams.size() == 1) return send_one(descriptor, datagrams.front());
  std::uint16_t limit_bytes = train_limit_bytes;
  for (;;) {
    OutgoingMessages messages(datagrams, limit_bytes);
    const int sent = ::sendmmsg(descriptor.number, messages.data(), messages.count(), kSendFlags);
    if (sent > 0) {
      train_limit_bytes = limit_bytes;
      return messages.datagrams_in(sent);
    }
    const int error = errno;
    if (error == EINTR) continue;
    const bool worth_another_try = messages.begins_with_train() &&
                                   learn_from_refusal(error, datagrams.front().bytes.size(), limit_bytes);
    // A datagram that is refused by itself, too, has taught nothing of trains: its address may be a bad one,
    // and anybody can have us answer to that.
    if (!worth_another_try) return -error;
  }
}

}  // namespace tidegate::kernel
