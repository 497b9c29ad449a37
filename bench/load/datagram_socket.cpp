// See datagram_socket.hpp.
#include "datagram_socket.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <system_error>

#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <unistd.h>

namespace load {

namespace {

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

bool would_block() noexcept { return errno == EAGAIN || errno == EINTR; }

constexpr std::size_t kDatagramsPerCall = 64;

/// Room for the answers to whole windows; the kernel grants less where an administrator wants it so.
constexpr int kReceiveBufferBytes = 4 * 1024 * 1024;

}  // namespace

// --- DatagramSocket ----------------------------------------------------------------------------------------

DatagramSocket DatagramSocket::connect(const Address& address) {
  DatagramSocket socket(::socket(address.data()->sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.number_ < 0) fail("socket");
  if (::setsockopt(socket.number_, SOL_SOCKET, SO_RCVBUF, &kReceiveBufferBytes, sizeof(int)) != 0) {
    fail("SO_RCVBUF");
  }
  const int on = 1;
  // Linux before 5.0 does not know it: trains then arrive in pieces, which is dearer and as true.
  static_cast<void>(::setsockopt(socket.number_, SOL_UDP, UDP_GRO, &on, sizeof on));
  if (::connect(socket.number_, address.data(), address.size()) != 0) fail("connect");
  return socket;
}

DatagramSocket::~DatagramSocket() {
  if (number_ >= 0) ::close(number_);
}

void DatagramSocket::wait_for_room() const {
  constexpr int kPatienceMilliseconds = 100;  // and then another try says what is wrong
  pollfd room{.fd = number_, .events = POLLOUT, .revents = 0};
  static_cast<void>(::poll(&room, 1, kPatienceMilliseconds));
}

void DatagramSocket::send_each(std::span<iovec> datagrams) const {
  std::array<mmsghdr, kDatagramsPerCall> headers{};
  while (!datagrams.empty()) {
    const std::size_t wanted = std::min(datagrams.size(), headers.size());
    for (std::size_t i = 0; i < wanted; ++i) {
      headers[i].msg_hdr.msg_iov = &datagrams[i];
      headers[i].msg_hdr.msg_iovlen = 1;
    }
    const int sent = ::sendmmsg(number_, headers.data(), static_cast<unsigned>(wanted), MSG_NOSIGNAL);
    if (sent < 0 && !would_block()) fail("sendmmsg");
    if (sent < 0) wait_for_room();
    if (sent > 0) datagrams = datagrams.subspan(static_cast<std::size_t>(sent));
  }
}

void DatagramSocket::send_train(std::span<unsigned char> bytes, std::size_t size_bytes) const {
  alignas(cmsghdr) std::array<unsigned char, CMSG_SPACE(sizeof(std::uint16_t))> remark{};
  iovec piece{.iov_base = bytes.data(), .iov_len = bytes.size()};
  msghdr header{};
  header.msg_iov = &piece;
  header.msg_iovlen = 1;
  header.msg_control = remark.data();
  header.msg_controllen = remark.size();
  cmsghdr* segment = CMSG_FIRSTHDR(&header);
  segment->cmsg_level = SOL_UDP;
  segment->cmsg_type = UDP_SEGMENT;
  segment->cmsg_len = CMSG_LEN(sizeof(std::uint16_t));
  const auto size = static_cast<std::uint16_t>(size_bytes);
  std::memcpy(CMSG_DATA(segment), &size, sizeof size);
  while (::sendmsg(number_, &header, MSG_NOSIGNAL) < 0) {
    if (!would_block()) fail("sendmsg of a train");
    wait_for_room();
  }
}

// --- DatagramInbox -----------------------------------------------------------------------------------------

DatagramInbox::DatagramInbox()
    : memory_(std::make_unique_for_overwrite<unsigned char[]>(kMessages * kMessageBytes)) {
  for (std::size_t i = 0; i < kMessages; ++i) {
    pieces_[i] = {.iov_base = memory_.get() + i * kMessageBytes, .iov_len = kMessageBytes};
    headers_[i].msg_hdr.msg_iov = &pieces_[i];
    headers_[i].msg_hdr.msg_iovlen = 1;
    headers_[i].msg_hdr.msg_control = remarks_[i].bytes.data();
  }
}

std::size_t DatagramInbox::receive_messages(const DatagramSocket& socket) {
  // The kernel has put there how long the remarks of the last call were.
  for (mmsghdr& header : headers_) header.msg_hdr.msg_controllen = sizeof(Remarks::bytes);
  const int count = ::recvmmsg(socket.number(), headers_.data(), kMessages, MSG_DONTWAIT, nullptr);
  if (count >= 0) return static_cast<std::size_t>(count);
  if (!would_block()) fail("recvmmsg");
  return 0;
}

std::span<const unsigned char> DatagramInbox::message(std::size_t index) const noexcept {
  return {memory_.get() + index * kMessageBytes, headers_[index].msg_len};
}

std::size_t DatagramInbox::datagram_bytes(std::size_t index) noexcept {
  msghdr& header = headers_[index].msg_hdr;
  for (cmsghdr* remark = CMSG_FIRSTHDR(&header); remark != nullptr; remark = CMSG_NXTHDR(&header, remark)) {
    if (remark->cmsg_level != SOL_UDP || remark->cmsg_type != UDP_GRO) continue;
    int size = 0;
    std::memcpy(&size, CMSG_DATA(remark), sizeof size);
    if (size > 0) return static_cast<std::size_t>(size);
  }
  return headers_[index].msg_len;
}

}  // namespace load
