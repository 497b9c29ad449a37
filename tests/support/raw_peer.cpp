// Plain system calls: see raw_peer.hpp.
#include "support/raw_peer.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <sys/socket.h>

namespace tidegate::testing {

namespace {

void expect_done(int outcome, const char* attempted) {
  EXPECT_EQ(outcome, 0) << attempted << ": " << std::strerror(errno);
}

}  // namespace

RawPeer::RawPeer(OwnedFileDescriptor descriptor) : descriptor_(std::move(descriptor)) {
  const int flags = ::fcntl(descriptor_.get().number, F_GETFL);
  expect_done(::fcntl(descriptor_.get().number, F_SETFL, flags | O_NONBLOCK), "fcntl");
}

std::size_t RawPeer::send_some(BytesView bytes) { return put_on_wire(bytes); }

std::size_t RawPeer::put_on_wire(BytesView bytes) {
  std::size_t sent = 0;
  send_failed_ = false;
  while (sent < bytes.size()) {
    const BytesView rest = bytes.drop(sent);
    const ssize_t count = ::send(descriptor_.get().number, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (count <= 0) {
      send_failed_ = errno != EAGAIN;
      break;
    }
    sent += static_cast<std::size_t>(count);
  }
  return sent;
}

void RawPeer::send(BytesView bytes) {
  EXPECT_EQ(send_some(bytes), bytes.size()) << "the kernel took less: " << std::strerror(errno);
}

void RawPeer::send_out_of_band(char byte) {
  EXPECT_EQ(::send(descriptor_.get().number, &byte, 1, MSG_OOB | MSG_NOSIGNAL), 1) << std::strerror(errno);
}

void RawPeer::send_with_descriptor(std::string_view text, FileDescriptor passed) {
  iovec piece{const_cast<char*>(text.data()), text.size()};  // only read
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &passed.number, sizeof(int));
  EXPECT_EQ(::sendmsg(descriptor_.get().number, &message, MSG_NOSIGNAL), static_cast<ssize_t>(text.size()))
      << std::strerror(errno);
}

std::size_t RawPeer::receive(std::size_t limit_bytes) {
  const std::size_t count = take_from_wire(received, limit_bytes);
  saw_eof = wire_has_ended_;
  return count;
}

std::size_t RawPeer::take_from_wire(std::string& bytes, std::size_t limit_bytes) {
  std::size_t total = 0;
  std::array<char, 65536> memory;
  while (total < limit_bytes && !wire_has_ended_ && error == 0) {
    const std::size_t room = std::min(memory.size(), limit_bytes - total);
    const ssize_t count = ::recv(descriptor_.get().number, memory.data(), room, 0);
    if (count > 0) {
      bytes.append(memory.data(), static_cast<std::size_t>(count));
      total += static_cast<std::size_t>(count);
    } else if (count == 0) {
      wire_has_ended_ = true;
    } else {
      if (errno != EAGAIN) error = errno;
      break;
    }
  }
  return total;
}

bool RawPeer::has(std::size_t size_bytes) {
  if (received.size() < size_bytes) receive(size_bytes - received.size());
  return received.size() >= size_bytes;
}

bool RawPeer::at_end() {
  receive();
  return saw_eof || error != 0;
}

void RawPeer::shutdown_write() {
  const int outcome = ::shutdown(descriptor_.get().number, SHUT_WR);
  if (outcome != 0 && errno == ENOTCONN) return;  // the other end has reset the connection meanwhile
  expect_done(outcome, "shutdown");
}

void RawPeer::reset() {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  expect_done(::setsockopt(descriptor_.get().number, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once),
              "SO_LINGER");
  descriptor_.reset();
}

void RawPeer::set_option(int level, int name, int value) {
  expect_done(::setsockopt(descriptor_.get().number, level, name, &value, sizeof value), "setsockopt");
}

void RawPeer::play_dead() {
  sock_filter drop_all = BPF_STMT(BPF_RET | BPF_K, 0);
  const sock_fprog program{.len = 1, .filter = &drop_all};
  expect_done(::setsockopt(descriptor_.get().number, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program),
              "SO_ATTACH_FILTER");
}

}  // namespace tidegate::testing
