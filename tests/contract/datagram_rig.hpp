// What the tests of datagrams share: on what ground they stand, a protocol that writes down what it is told,
// and a socket at the other end that knows nothing of the library.
#pragma once

#include <tidegate/tidegate.hpp>

#include "contract/ground.hpp"
#include "contract/loop_rig.hpp"
#include "net/socket_address.hpp"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>

namespace tidegate::contract {

using loop_rig::LogCapture;
using loop_rig::Report;
using loop_rig::thrown_text;

/// What carries the datagrams.
enum class DatagramCarrier { udp_ipv4, udp_ipv6, unix_path };

struct DatagramGround {
  DatagramCarrier carrier = DatagramCarrier::udp_ipv4;
  BackendKind backend = BackendKind::epoll;
};

[[nodiscard]] inline std::string to_string(const DatagramGround& ground) {
  constexpr std::array<const char*, 3> kNames = {"udp_ipv4_", "udp_ipv6_", "unix_path_"};
  return kNames[static_cast<std::size_t>(ground.carrier)] + to_string(ground.backend);
}
inline void PrintTo(const DatagramGround& ground, std::ostream* out) { *out << to_string(ground); }
[[nodiscard]] inline std::string name_of_datagrams(
    const ::testing::TestParamInfo<DatagramGround>& parameter) {
  return to_string(parameter.param);
}

[[nodiscard]] inline std::vector<DatagramGround> every_datagram_ground() {
  std::vector<DatagramGround> grounds;
  for (const BackendKind backend : backends()) {
    for (const auto carrier :
         {DatagramCarrier::udp_ipv4, DatagramCarrier::udp_ipv6, DatagramCarrier::unix_path})
      grounds.push_back({carrier, backend});
  }
  return grounds;
}
/// Those on which a sender can be made to wait: on loopback, UDP is delivered or dropped at once.
[[nodiscard]] inline std::vector<DatagramGround> grounds_that_fill() {
  std::vector<DatagramGround> grounds;
  for (const BackendKind backend : backends()) grounds.push_back({DatagramCarrier::unix_path, backend});
  return grounds;
}
/// Those on which the network may tell of errors.
[[nodiscard]] inline std::vector<DatagramGround> udp_grounds() {
  std::vector<DatagramGround> grounds;
  for (const BackendKind backend : backends()) {
    grounds.push_back({DatagramCarrier::udp_ipv4, backend});
    grounds.push_back({DatagramCarrier::udp_ipv6, backend});
  }
  return grounds;
}

/// Writes down what it is told.
class DatagramRecorder final : public DatagramProtocol {
 public:
  void connection_made(DatagramTransportRef made) override {
    transport = std::move(made);
    calls.emplace_back("made");
    if (on_made) on_made();
  }
  void datagram_received(BytesView data, const Endpoint& address) override {
    EXPECT_FALSE(lost) << "a datagram after connection_lost";
    received.push_back(data.to_string());
    senders.push_back(address);
    if (on_datagram) on_datagram(data, address);
  }
  void error_received(const Error& error) override {
    EXPECT_FALSE(lost) << "an error after connection_lost";
    errors.push_back(error.code().value());
    if (on_error) on_error();
  }
  void pause_writing() override {
    EXPECT_FALSE(paused) << "paused twice (F1)";
    paused = true;
    calls.emplace_back("pause");
    if (on_pause) on_pause();
  }
  void resume_writing() override {
    EXPECT_TRUE(paused) << "resumed without a pause (F1)";
    paused = false;
    calls.emplace_back("resume");
    if (on_resume) on_resume();
  }
  void connection_lost(const Error& reason) override {
    EXPECT_FALSE(lost) << "connection_lost twice (L2)";
    calls.emplace_back("lost");
    lost = true;
    lost_reason = reason;
    if (on_lost) on_lost();
    if (lets_go) transport.reset();
  }

  DatagramTransportRef transport;
  std::vector<std::string> calls;
  std::vector<std::string> received;
  std::vector<Endpoint> senders;
  std::vector<int> errors;
  bool paused = false;
  bool lost = false;
  bool lets_go = true;
  Error lost_reason;
  std::function<void()> on_made;
  std::function<void(BytesView, const Endpoint&)> on_datagram;
  std::function<void()> on_error;
  std::function<void()> on_pause;
  std::function<void()> on_resume;
  std::function<void()> on_lost;
};

/// A bound datagram socket.
class PlainSocket {
 public:
  explicit PlainSocket(const Endpoint& at) : socket_(Socket::datagram(at.family())) { socket_.bind(at); }

  [[nodiscard]] Endpoint endpoint() const { return socket_.view().local_endpoint(); }
  [[nodiscard]] const Socket& socket() const noexcept { return socket_; }
  void connect(const Endpoint& to) const {
    const net::SocketAddress address = net::to_sockaddr(to);
    EXPECT_EQ(::connect(number(), address.get(), address.length), 0);
  }
  void send(std::string_view bytes, const Endpoint& to) const {
    const net::SocketAddress address = net::to_sockaddr(to);
    EXPECT_EQ(::sendto(number(), bytes.data(), bytes.size(), MSG_NOSIGNAL, address.get(), address.length),
              static_cast<ssize_t>(bytes.size()));
  }
  /// Receives what there is at this moment, behind what was received before.
  const std::vector<std::string>& receive() {
    std::string memory(512 * 1024, '\0');
    for (;;) {
      const ssize_t size = ::recv(number(), memory.data(), memory.size(), MSG_DONTWAIT);
      if (size < 0) return received;
      received.push_back(memory.substr(0, static_cast<std::size_t>(size)));
    }
  }
  /// Receives one datagram, where there is one.
  bool receive_one() {
    std::string memory(512 * 1024, '\0');
    const ssize_t size = ::recv(number(), memory.data(), memory.size(), MSG_DONTWAIT);
    if (size < 0) return false;
    received.push_back(memory.substr(0, static_cast<std::size_t>(size)));
    return true;
  }

  std::vector<std::string> received;

 private:
  [[nodiscard]] int number() const noexcept { return socket_.descriptor().number; }
  Socket socket_;
};

/// One loop on the ground's backend.
class DatagramTest : public loop_rig::LoopTest, public ::testing::WithParamInterface<DatagramGround> {
 protected:
  using Opened = DatagramEndpoint<DatagramRecorder>;

  void SetUp() override {
    const std::string obstacle = obstacle_to(GetParam().backend);
    LoopTest::SetUp();
    std::string pattern = (std::filesystem::temp_directory_path() / "tidegate-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    if (!obstacle.empty()) GTEST_SKIP() << obstacle;
  }
  void TearDown() override {
    LoopTest::TearDown();
    std::filesystem::remove_all(folder_);
  }
  [[nodiscard]] LoopOptions loop_options() const override { return {.backend = GetParam().backend}; }

  [[nodiscard]] bool is_unix() const { return GetParam().carrier == DatagramCarrier::unix_path; }
  /// The largest datagram of this carrier that the tests ask for.
  [[nodiscard]] std::size_t largest() const { return is_unix() ? 150'000 : 65'507; }

  /// An address that is free: the system chooses the port, or nobody has used the path before.
  [[nodiscard]] Endpoint somewhere() {
    switch (GetParam().carrier) {
      case DatagramCarrier::udp_ipv4:
        return *Endpoint::from_numeric_host("127.0.0.1", 0);
      case DatagramCarrier::udp_ipv6:
        return *Endpoint::from_numeric_host("::1", 0);
      case DatagramCarrier::unix_path:
        break;
    }
    return Endpoint::unix_path((folder_ / std::to_string(++paths_)).string());
  }
  [[nodiscard]] PlainSocket plain_socket() { return PlainSocket(somewhere()); }

  /// A transport at `local`, that talks to `remote` only; either may be none.
  Opened open(const Endpoint& local, const Endpoint& remote = {}) {
    const std::string local_text = text_of(local);
    const std::string remote_text = text_of(remote);
    DatagramOptions options;
    if (!local.empty()) options.local = address_of(local, local_text);
    if (!remote.empty()) options.remote = address_of(remote, remote_text);
    return run(loop().create_datagram_endpoint([] { return std::make_shared<DatagramRecorder>(); }, options));
  }
  /// One that talks to anybody.
  Opened open() { return open(somewhere()); }
  /// One that is connected to `peer`, and the other way round.
  Opened open_connected(const PlainSocket& peer) {
    Opened opened = open(somewhere(), peer.endpoint());
    peer.connect(opened.transport->sockname());
    return opened;
  }

  static std::string text_of(const Endpoint& endpoint) {
    return endpoint.family() == AddressFamily::unix_domain ? std::string(endpoint.path()) : endpoint.host();
  }
  static DatagramAddress address_of(const Endpoint& endpoint, const std::string& text) {
    if (endpoint.family() == AddressFamily::unix_domain) return {text};
    return {text, endpoint.port()};
  }

  [[nodiscard]] static std::string pattern(std::size_t size, std::size_t from = 0) {
    std::string text(size, '\0');
    for (std::size_t index = 0; index < size; ++index)
      text[index] = static_cast<char>((from + index) * 31 + (from + index) / 251);
    return text;
  }

  /// Closes it, and waits for connection_lost.
  void end(const Opened& opened) {
    opened.transport->abort();
    EXPECT_TRUE(run_until([&] { return opened.protocol->lost; }));
  }

  /// Has `call` run from inside of datagram_received, once.
  void run_inside(const Opened& opened, const PlainSocket& peer, const std::function<void()>& call) {
    bool done = false;
    opened.protocol->on_datagram = [&](BytesView, const Endpoint&) {
      if (!std::exchange(done, true)) call();
    };
    peer.send("now", opened.transport->sockname());
    EXPECT_TRUE(run_until([&] { return done; }));
    opened.protocol->on_datagram = nullptr;
  }

 private:
  std::filesystem::path folder_;
  int paths_ = 0;
};

}  // namespace tidegate::contract
