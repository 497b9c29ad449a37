// The rig of the tests of the seam: see seam_test.hpp.
#include "kernel/seam_test.hpp"

#include "kernel/epoll/epoll_backend.hpp"
#include "kernel/sim/sim_backend.hpp"
#include "support/open_descriptors.hpp"
#ifdef TIDEGATE_HAS_IO_URING
#include "kernel/uring/uring_backend.hpp"
#endif

#include <array>
#include <cstring>
#include <system_error>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

namespace tidegate::kernel::testing {

using namespace std::chrono_literals;

// --- grounds -------------------------------------------------------------------------------------

namespace {

std::unique_ptr<Backend> on_epoll() { return std::make_unique<EpollBackend>(); }

std::unique_ptr<Backend> on_simulated_network() {
  return std::make_unique<sim::SimBackend>(support::TestNetwork::current()->world());
}

#ifdef TIDEGATE_HAS_IO_URING
std::unique_ptr<Backend> on_uring(const UringOptions& options) {
  try {
    return std::make_unique<UringBackend>(options);
  } catch (const OsError&) {
    return nullptr;
  }
}
std::unique_ptr<Backend> on_default_ring() { return on_uring({}); }
std::unique_ptr<Backend> on_tiny_ring() {
  return on_uring(
      {.submissions = 1, .completions = 2, .buffers = 1, .buffer_bytes = 16, .incremental = true});
}
std::unique_ptr<Backend> on_tiny_ring_of_whole_buffers() {
  return on_uring(
      {.submissions = 1, .completions = 2, .buffers = 1, .buffer_bytes = 16, .incremental = false});
}
#endif

}  // namespace

std::vector<Ground> grounds() {
  return {
      {"epoll", &on_epoll},
#ifdef TIDEGATE_HAS_IO_URING
      {"io_uring", &on_default_ring},
      {"tiny_io_uring", &on_tiny_ring},
      {"tiny_io_uring_of_whole_buffers", &on_tiny_ring_of_whole_buffers},
#endif
      {"simulated", &on_simulated_network},
  };
}

std::string name_of(const ::testing::TestParamInfo<Ground>& ground) { return ground.param.name; }

// --- sockets -------------------------------------------------------------------------------------

namespace {

int checked(int outcome, const char* attempted) {
  if (outcome < 0) throw std::system_error(errno, std::system_category(), attempted);
  return outcome;
}

}  // namespace

SocketPair unix_pair() {
  std::array<int, 2> ends{-1, -1};
  checked(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()), "socketpair");
  return {OwnedFileDescriptor(FileDescriptor{ends[0]}), OwnedFileDescriptor(FileDescriptor{ends[1]})};
}

SocketPair unix_datagram_pair() {
  std::array<int, 2> ends{-1, -1};
  checked(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()), "socketpair");
  return {OwnedFileDescriptor(FileDescriptor{ends[0]}), OwnedFileDescriptor(FileDescriptor{ends[1]})};
}

UdpSocket udp_socket() {
  UdpSocket socket{OwnedFileDescriptor(FileDescriptor{
                       checked(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket")}),
                   {}};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int number = socket.descriptor.get().number;
  checked(::bind(number, reinterpret_cast<const sockaddr*>(&address), sizeof address), "bind");
  socket.address.length = net::SocketAddress::capacity();
  checked(::getsockname(number, socket.address.get(), &socket.address.length), "getsockname");
  return socket;
}

SocketPair udp_pair() {
  UdpSocket ours = udp_socket();
  UdpSocket theirs = udp_socket();
  const auto connect = [](const UdpSocket& from, const UdpSocket& to) {
    checked(::connect(from.descriptor.get().number, to.address.get(), to.address.length), "connect");
  };
  connect(ours, theirs);
  connect(theirs, ours);
  return {std::move(ours.descriptor), std::move(theirs.descriptor)};
}

OwnedFileDescriptor tcp_socket() {
  return OwnedFileDescriptor(
      FileDescriptor{checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket")});
}

Listener tcp_listener(int queue) {
  Listener listener{tcp_socket(), {}};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int number = listener.descriptor.get().number;
  checked(::bind(number, reinterpret_cast<const sockaddr*>(&address), sizeof address), "bind");
  checked(::listen(number, queue), "listen");
  listener.address.length = net::SocketAddress::capacity();
  checked(::getsockname(number, listener.address.get(), &listener.address.length), "getsockname");
  return listener;
}

FullListener::FullListener() : listener_(tcp_listener(0)) {
  // One fits, and perhaps one more; whoever comes then hears nothing.
  for (int client = 0; client < 4; ++client) waiting_.push_back(connecting_to(listener_.address));
}

OwnedFileDescriptor connecting_to(const net::SocketAddress& address) {
  OwnedFileDescriptor socket = tcp_socket();
  const int outcome = ::connect(socket.get().number, address.get(), address.length);
  if (outcome != 0 && errno != EINPROGRESS) checked(outcome, "connect");
  return socket;
}

SocketPair tcp_pair() {
  const Listener listener = tcp_listener();
  OwnedFileDescriptor theirs = connecting_to(listener.address);
  pollfd waiting{listener.descriptor.get().number, POLLIN, 0};
  checked(::poll(&waiting, 1, 10'000), "poll");
  const int ours = checked(
      ::accept4(listener.descriptor.get().number, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC), "accept4");
  const int yes = 1;
  checked(::setsockopt(theirs.get().number, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes), "setsockopt");
  return {OwnedFileDescriptor(FileDescriptor{ours}), std::move(theirs)};
}

std::string pattern(std::size_t size, std::size_t from) {
  std::string text(size, '\0');
  for (std::size_t index = 0; index < size; ++index) {
    const std::size_t place = from + index;
    text[index] = static_cast<char>(place * 31 + place / 251);
  }
  return text;
}

// --- set-up and take-down ------------------------------------------------------------------------

SeamTest::SeamTest()
    : network_(GetParam().kind()),
      descriptors_before_(tidegate::testing::open_descriptors()),
      backend_(GetParam().make()) {}

SeamTest::~SeamTest() = default;

void SeamTest::SetUp() {
  if (backend_ == nullptr) GTEST_SKIP() << "no " << GetParam().name << " on this machine";
}

void SeamTest::TearDown() {
  if (backend_ != nullptr) wind_up();
  EXPECT_EQ(tidegate::testing::difference(descriptors_before_, tidegate::testing::open_descriptors()), "");
}

void SeamTest::wind_up() {
  for (const Kept& kept : operations_) {
    kept.record->on_completed = nullptr;  // nothing is started again
    if (!kept.operation->in_flight()) continue;
    const Where& where = where_.at(kept.operation);
    if (auto* poller = dynamic_cast<Poller*>(kept.record)) {
      backend().cancel(*poller, where.descriptor);
    } else {
      backend().cancel(*kept.operation, where.channel);
    }
    kept.record->is_quiet = true;
  }
  backend().settle();
  backend().tell_done();
  for (const Kept& kept : operations_) {
    EXPECT_FALSE(kept.operation->in_flight());
    EXPECT_EQ(kept.record->ends.size(), static_cast<std::size_t>(kept.record->starts))
        << "completions, and how often it was started";
    kept.record->is_quiet = true;
  }
  for (const ChannelId channel : std::exchange(channels_, {})) backend().close(channel);
  turns(3);  // anything late?
  end_backend();
}

void SeamTest::end_backend() {
  for (const ChannelId channel : std::exchange(channels_, {})) backend().close(channel);
  backend_.reset();
  operations_.clear();
}

SeamTest::Link SeamTest::link(SocketPair pair) {
  const ChannelId channel = attach(std::move(pair.ours));
  return {channel, RawPeer(std::move(pair.theirs))};
}

ChannelId SeamTest::attach(OwnedFileDescriptor descriptor) {
  channels_.push_back(backend().attach(std::move(descriptor)));
  return channels_.back();
}

ChannelId SeamTest::attach_file(OwnedFileDescriptor descriptor) {
  channels_.push_back(backend().attach_file(std::move(descriptor)));
  return channels_.back();
}

void SeamTest::close(ChannelId channel) {
  backend().close(channel);
  std::erase(channels_, channel);
}

// --- operations ----------------------------------------------------------------------------------

void SeamTest::start(Poller& operation, FileDescriptor descriptor, Readiness readiness) {
  backend().start(operation, descriptor, readiness);
  ++operation.starts;
  operation.is_quiet = false;
  where_[&operation] = {{}, descriptor};
}

void SeamTest::watch_hangup(Receiver& operation, ChannelId channel) {
  ++operation.starts;
  operation.is_quiet = false;
  where_[&operation] = {channel, {}};
  backend().watch_hangup(operation, channel);
}

std::ptrdiff_t SeamTest::send(Sender& operation, ChannelId channel, BytesView piece) {
  where_[&operation] = {channel, {}};
  const std::ptrdiff_t result = backend().send(operation, channel, piece);
  if (result == Backend::kUnderWay) ++operation.starts;
  return result;
}

std::ptrdiff_t SeamTest::send(Sender& operation, ChannelId channel, std::span<iovec> pieces) {
  where_[&operation] = {channel, {}};
  const std::ptrdiff_t result = backend().send(operation, channel, pieces);
  if (result == Backend::kUnderWay) ++operation.starts;
  return result;
}

std::ptrdiff_t SeamTest::send_now(Sender& operation, ChannelId channel, BytesView piece) {
  const std::ptrdiff_t result = send(operation, channel, piece);
  if (result != Backend::kUnderWay) return result;
  run_until([&] { return operation.ended(); });
  return operation.last_end();
}

std::size_t SeamTest::fill(ChannelId channel) {
  const std::string block = pattern(65'536);
  std::size_t filled = 0;
  for (;;) {
    iovec piece{.iov_base = const_cast<char*>(block.data()), .iov_len = block.size()};
    const std::ptrdiff_t sent = backend().try_send(channel, {&piece, 1});
    if (sent <= 0) return filled;
    filled += static_cast<std::size_t>(sent);
  }
}

// --- iterations ----------------------------------------------------------------------------------

void SeamTest::turn(std::chrono::milliseconds longest_wait) {
  backend().wait(longest_wait, Duration::zero());
  backend().tell_done();
  backend().dispatch();
}

void SeamTest::turns(int count) {
  for (; count > 0; --count) turn();
}

void SeamTest::run_until(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + 5s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) {
      FAIL() << "what was waited for has not come";
    }
    turn(20ms);
  }
}

void SeamTest::run_until_quiet() {
  const auto deadline = std::chrono::steady_clock::now() + 2s;
  for (int quiet = 0; quiet < 2;) {
    const auto begin = std::chrono::steady_clock::now();
    if (begin > deadline) {
      FAIL() << "there is no end to what there is to do";
    }
    turn(4ms);
    quiet = std::chrono::steady_clock::now() - begin >= 4ms ? quiet + 1 : 0;
  }
}

int SeamTest::iterations_of_a_while() {
  int iterations = 0;
  const auto end = std::chrono::steady_clock::now() + 60ms;
  for (; std::chrono::steady_clock::now() < end; ++iterations) turn(20ms);
  return iterations;
}

}  // namespace tidegate::kernel::testing
