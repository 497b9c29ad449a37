// Operations that write down what they are told, and fail the test when they are told what they must not be.
// They know nothing of how a backend does it.
#pragma once

#include "kernel/operation.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace tidegate::kernel::testing {

/// What all of them write down.
struct Record {
  Record() = default;
  Record(const Record&) = delete;
  Record& operator=(const Record&) = delete;
  virtual ~Record() = default;

  int starts = 0;
  /// What they completed with.
  std::vector<int> ends;
  /// Set after `cancel` or `hold` has returned: from now on a delivery is a failure.
  bool is_quiet = false;

  [[nodiscard]] bool ended() const noexcept { return static_cast<int>(ends.size()) == starts; }
  [[nodiscard]] int last_end() const noexcept { return ends.empty() ? 1'000'000 : ends.back(); }
  /// Called with every completion; may start the operation again.
  std::function<void(int)> on_completed;

 protected:
  void note_end(int result) {
    ends.push_back(result);
    EXPECT_LE(static_cast<int>(ends.size()), starts)
        << "completed more often than started, now with " << result;
    if (on_completed) on_completed(result);
  }
};

class Receiver final : public ReceiveOperation, public Record {
 public:
  MutableBytesView target() override {
    EXPECT_FALSE(is_quiet) << "asked for memory after cancel or hold";
    if (on_target) on_target();
    return {memory.data(), memory.size()};
  }
  void filled(std::size_t size_bytes) override {
    EXPECT_FALSE(is_quiet) << "filled after cancel or hold";
    ASSERT_LE(size_bytes, memory.size());
    own_bytes += size_bytes;
    bytes.append(reinterpret_cast<const char*>(memory.data()), size_bytes);
    if (on_delivery) on_delivery({memory.data(), size_bytes});
  }
  void received(BytesView arrived) override {
    EXPECT_FALSE(is_quiet) << "delivered after cancel or hold";
    EXPECT_FALSE(arrived.empty());
    ++deliveries;
    bytes.append(reinterpret_cast<const char*>(arrived.data()), arrived.size());
    if (on_delivery) on_delivery(arrived);
  }
  void completed(int result) override { note_end(result); }

  /// Everything, in the order of its arrival.
  std::string bytes;
  /// How much of it came into own memory, and in how many pieces the rest did.
  std::size_t own_bytes = 0;
  int deliveries = 0;
  std::vector<std::byte> memory = std::vector<std::byte>(7);
  std::function<void()> on_target;
  std::function<void(BytesView)> on_delivery;
};

class Sender final : public SendOperation, public Record {
 public:
  std::size_t gather(std::span<iovec> pieces) override {
    pieces[0] = {.iov_base = rest.data(), .iov_len = rest.size()};
    return 1;
  }
  void completed(int result) override { note_end(result); }

  /// What `gather` offers.
  std::string rest;
};

class FileSender final : public FileSendOperation, public Record {
 public:
  [[nodiscard]] FilePart part() override {
    EXPECT_FALSE(is_quiet) << "asked for a part after cancel";
    return next;
  }
  void completed(int result) override {
    if (result > 0) {
      next.offset += static_cast<std::uint64_t>(result);
      next.size_bytes -= static_cast<std::size_t>(result);
    }
    note_end(result);
  }

  /// What is still to be sent.
  FilePart next;
};

class DatagramReceiver final : public DatagramReceiveOperation, public Record {
 public:
  [[nodiscard]] AddressFamily family() const noexcept override { return of; }
  void received(BytesView datagram, const net::SocketAddress& sender) override {
    EXPECT_FALSE(is_quiet) << "delivered after cancel or hold";
    datagrams.push_back(datagram.to_string());
    senders.push_back(sender);
    if (on_datagram) on_datagram();
  }
  void completed(int result) override { note_end(result); }

  AddressFamily of = AddressFamily::ipv4;
  std::vector<std::string> datagrams;
  std::vector<net::SocketAddress> senders;
  std::function<void()> on_datagram;
};

class DatagramSender final : public DatagramSendOperation, public Record {
 public:
  std::size_t gather(std::span<OutgoingDatagram> gathered) override {
    EXPECT_FALSE(is_quiet) << "asked for datagrams after cancel";
    const std::size_t count = std::min(gathered.size(), datagrams.size());
    for (std::size_t index = 0; index < count; ++index)
      gathered[index] = {.bytes = BytesView(datagrams[index]), .address = {}};
    return count;
  }
  void completed(int result) override { note_end(result); }

  /// What `gather` offers, to where the socket is connected to.
  std::vector<std::string> datagrams;
};

class Acceptor final : public AcceptOperation, public Record {
 public:
  [[nodiscard]] int batch() const noexcept override { return 4; }
  void accepted(OwnedFileDescriptor descriptor, const net::SocketAddress& peer) override {
    EXPECT_FALSE(is_quiet) << "accepted after cancel";
    EXPECT_TRUE(descriptor.valid());
    connections.push_back(std::move(descriptor));
    peers.push_back(peer);
    if (on_accepted) on_accepted();
  }
  void completed(int result) override { note_end(result); }

  std::vector<OwnedFileDescriptor> connections;
  std::vector<net::SocketAddress> peers;
  std::function<void()> on_accepted;
};

class Connector final : public ConnectOperation, public Record {
 public:
  [[nodiscard]] const net::SocketAddress& address() const noexcept override { return where; }
  void completed(int result) override { note_end(result); }

  net::SocketAddress where;
};

class Poller final : public PollOperation, public Record {
 public:
  void ready() override {
    EXPECT_FALSE(is_quiet) << "ready after cancel";
    ++times;
    if (on_ready) on_ready();
  }
  void completed(int result) override { note_end(result); }

  int times = 0;
  std::function<void()> on_ready;
};

}  // namespace tidegate::kernel::testing
