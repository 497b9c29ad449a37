// Making the connections, running, judging the end: see tls_rig.hpp.
#include "contract/tls_rig.hpp"

#include "support/certificates.hpp"

#include <cerrno>
#include <cstring>

#include <malloc.h>
#include <sys/socket.h>

namespace tidegate::contract {

namespace {

/// So many iterations, and so much time, without a move of the healthy connection, which needs a few
/// iterations and some microseconds for one: it has come to a stand. (Both, for the machine may be busy with
/// other things.)
constexpr int kMostStepsWithoutPlay = 1000;
constexpr std::chrono::seconds kMostTimeWithoutPlay{2};

const TlsContext& healthy_client() {
  static const TlsContext context = [] {
    TlsOptions options;
    options.ca_data = testing::trusted_authority().certificate_pem();
    return TlsContext::client(options);
  }();
  return context;
}

const TlsContext& healthy_server() {
  static const TlsContext context = [] {
    TlsOptions options;
    options.cert_chains = {testing::server_certificate().chain()};
    return TlsContext::server(options);
  }();
  return context;
}

OwnedFileDescriptor listening_socket() {
  const auto here = Endpoint::from_numeric_host("127.0.0.1", 0);
  const net::SocketAddress address = net::to_sockaddr(*here);
  OwnedFileDescriptor socket(FileDescriptor{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)});
  if (::bind(socket.get().number, address.get(), address.length) != 0 ||
      ::listen(socket.get().number, 1) != 0) {
    throw std::runtime_error(std::strerror(errno));
  }
  return socket;
}

}  // namespace

std::error_code code_of(const std::exception_ptr& exception) {
  return exception == nullptr ? std::error_code() : Error(exception).code();
}

std::string text_of(const std::exception_ptr& exception) {
  return exception == nullptr ? "nothing" : describe(exception);
}

std::size_t heap_bytes() {
  const auto used = ::mallinfo2();
  return used.uordblks + used.hblkhd;
}

// --- the healthy connection ----------------------------------------------------------------------

/// Sends back every byte that comes, and counts them.
class TlsTest::Player final : public Protocol {
 public:
  explicit Player(bool begins) : begins_(begins) {}

  void connection_made(TransportRef made) override {
    transport = std::move(made);
    if (begins_) transport->write("o");
  }
  void data_received(BytesView data) override {
    ++plays;
    transport->write(data);
  }
  void connection_lost(const Error&) override {
    transport.reset();
    lost = true;
  }

  TransportRef transport;
  int plays = 0;
  bool lost = false;

 private:
  bool begins_;
};

void TlsTest::SetUp() {
  LoopTest::SetUp();
  start_healthy();
}

void TlsTest::start_healthy() {
  server_player_ = std::make_shared<Player>(false);
  client_player_ = std::make_shared<Player>(true);
  const auto serve = [this]() -> Task<> {
    const ServerOptions options{.tls = healthy_server()};
    const auto factory = [this] { return server_player_; };
    healthy_server_ = co_await loop().create_server(factory, "127.0.0.1", 0, options);
    const Endpoint target = healthy_server_.endpoints().front();
    const ConnectOptions connecting{.tls = healthy_client(), .server_hostname = "localhost"};
    const auto client_factory = [this] { return client_player_; };
    co_await loop().create_connection(client_factory, "127.0.0.1", target.port(), connecting);
  };
  run(serve());
  last_play_ = loop().time();
}

void TlsTest::stop_healthy() {
  if (client_player_ == nullptr) return;
  if (client_player_->transport) client_player_->transport->abort();
  if (server_player_->transport) server_player_->transport->abort();
  healthy_server_.close();
  EXPECT_TRUE(run_until([this] { return client_player_->lost && server_player_->lost; }));
}

void TlsTest::TearDown() {
  if (peer_ != nullptr && peer_->is_open()) peer_->close_wire();
  if (was_made() && !here_->lost) {
    transport().abort();
    EXPECT_TRUE(run_until([this] { return here_->lost; }));
  }
  if (server_) {
    server_.abort_clients();
    server_.close();
    run(server_.wait_closed());
  }
  if (attempt_ && !attempt_.done()) attempt_.cancel();
  turns(3);
  attempt_ = {};
  peer_.reset();
  here_.reset();
  server_ = {};
  stop_healthy();
  healthy_server_ = {};
  turns(3);
  LoopTest::TearDown();
}

// --- a connection --------------------------------------------------------------------------------

TlsContext TlsTest::context_of(const TlsTerms& terms) const {
  TlsOptions options = terms.ours;
  if (is_connecting()) {
    if (options.ca_data.empty()) options.ca_data = testing::trusted_authority().certificate_pem();
    return TlsContext::client(options);
  }
  if (options.cert_chains.empty()) options.cert_chains = {testing::server_certificate().chain()};
  if (options.verify && options.ca_data.empty()) {
    options.ca_data = testing::trusted_authority().certificate_pem();
  }
  return TlsContext::server(options);
}

std::shared_ptr<loop_rig::Recorder> TlsTest::make_recorder() {
  here_ = std::make_shared<loop_rig::Recorder>();
  here_->on_made = on_made_;
  here_->on_data = on_data_;
  return here_;
}

void TlsTest::adopt(OwnedFileDescriptor theirs, const TlsTerms& terms) {
  testing::TlsEndOptions options = terms.peer;
  options.role = is_connecting() ? testing::TlsRole::server : testing::TlsRole::client;
  if (is_connecting() && options.certificate == nullptr) options.certificate = &testing::server_certificate();
  peer_ = std::make_unique<TlsPeer>(std::move(theirs), options);
}

Task<> TlsTest::make_connection(Endpoint target, TlsTerms terms, TlsContext context) {
  const ConnectOptions options{.tls = context,
                               .server_hostname = terms.server_hostname,
                               .tls_handshake_timeout = terms.handshake_timeout,
                               .tls_shutdown_timeout = terms.shutdown_timeout};
  const auto factory = [this] { return make_recorder(); };
  co_await loop().create_connection(factory, "127.0.0.1", target.port(), options);
}

Task<> TlsTest::adopt_socket(Socket socket, TlsTerms terms, TlsContext context) {
  const auto factory = [this] { return make_recorder(); };
  if (is_connecting()) {
    const SecureConnectOptions options{.tls = context,
                                       .server_hostname = terms.server_hostname,
                                       .tls_handshake_timeout = terms.handshake_timeout,
                                       .tls_shutdown_timeout = terms.shutdown_timeout};
    co_await loop().create_connection(factory, std::move(socket), options);
  } else {
    const SecureAcceptOptions options{.tls = context,
                                      .tls_handshake_timeout = terms.handshake_timeout,
                                      .tls_shutdown_timeout = terms.shutdown_timeout};
    co_await loop().connect_accepted_socket(factory, std::move(socket), options);
  }
}

void TlsTest::begin(const TlsTerms& terms) {
  here_.reset();
  on_made_ = terms.on_made;
  on_data_ = terms.on_data;
  const TlsContext context = context_of(terms);
  if (is_connecting()) {
    const OwnedFileDescriptor listener = listening_socket();
    attempt_ =
        loop().create_task(make_connection(SocketView(listener.get()).local_endpoint(), terms, context));
    ASSERT_TRUE(reach_without_peer([&] { return loop_rig::wait_ready(listener.get(), POLLIN, 0); }));
    adopt(
        OwnedFileDescriptor(FileDescriptor{::accept4(listener.get().number, nullptr, nullptr, SOCK_CLOEXEC)}),
        terms);
    return;
  }
  const ServerOptions options{.tls = context,
                              .tls_handshake_timeout = terms.handshake_timeout,
                              .tls_shutdown_timeout = terms.shutdown_timeout};
  const auto factory = [this] { return make_recorder(); };
  if (server_) {
    server_.abort_clients();
    server_.close();
  }
  server_ = run(loop().create_server(factory, "127.0.0.1", 0, options));
  adopt(loop_rig::raw_connect(server_.endpoints().front()), terms);
}

void TlsTest::begin_on_pair(const TlsTerms& terms) {
  here_.reset();
  on_made_ = terms.on_made;
  on_data_ = terms.on_data;
  const TlsContext context = context_of(terms);
  auto [ours, theirs] = Socket::pair();
  attempt_ = loop().create_task(adopt_socket(std::move(ours), terms, context));
  adopt(theirs.release(), terms);
}

void TlsTest::shake_hands() {
  ASSERT_TRUE(reach([this] { return was_made() && peer().handshake_is_over(); }))
      << "the peer says: " << peer().failure();
}

void TlsTest::connect(const TlsTerms& terms) {
  begin(terms);
  if (!HasFatalFailure()) shake_hands();
}

// --- running -------------------------------------------------------------------------------------

void TlsTest::step() {
  turn();
  ++steps_since_play_;
  if (client_player_->plays != std::exchange(plays_seen_, client_player_->plays)) {
    steps_since_play_ = 0;
    last_play_ = loop().time();
  }
  const bool stands =
      steps_since_play_ > kMostStepsWithoutPlay && loop().time() - last_play_ > kMostTimeWithoutPlay;
  ASSERT_FALSE(stands) << "another connection of the loop was held up";
}

bool TlsTest::reach_without_peer(const std::function<bool()>& holds) {
  const TimePoint deadline = loop().time() + loop_rig::kDeadline;
  while (!holds()) {
    if (loop().time() >= deadline || HasFatalFailure()) return false;
    step();
  }
  return true;
}

bool TlsTest::reach(const std::function<bool()>& holds) {
  return reach_without_peer([&] {
    if (peer_ != nullptr && peer_->is_open()) peer_->receive();
    return holds();
  });
}

// --- how it ended --------------------------------------------------------------------------------

bool TlsTest::has_failed() {
  if (attempt_) return attempt_.done() && attempt_.exception() != nullptr;
  return report_count() > 0;
}

std::exception_ptr TlsTest::handshake_failure() {
  EXPECT_TRUE(reach([this] { return has_failed(); })) << "the handshake has not failed";
  std::exception_ptr failure;
  if (attempt_) {
    failure = attempt_.done() ? attempt_.exception() : nullptr;
  } else {
    const std::vector<loop_rig::Report> reports = take_reports();
    EXPECT_EQ(reports.size(), 1U);
    if (!reports.empty()) failure = reports.front().exception;
  }
  for (int times = 0; times < 10; ++times) step();
  EXPECT_FALSE(was_made()) << "the protocol was told something: " << here_->calls.front();
  return failure;
}

Error TlsTest::run_until_lost() {
  EXPECT_TRUE(reach([this] { return here().lost; })) << "connection_lost was not called";
  for (int times = 0; times < 10; ++times) step();
  EXPECT_EQ(std::count(here().calls.begin(), here().calls.end(), "lost"), 1);
  EXPECT_EQ(here().calls.back(), "lost");
  return here().lost_reason;
}

void TlsTest::expect_handshake_fails(std::error_code expected) {
  const std::exception_ptr failure = handshake_failure();
  EXPECT_EQ(code_of(failure), expected) << text_of(failure);
}

void TlsTest::expect_lost(std::error_code expected) {
  const Error reason = run_until_lost();
  EXPECT_EQ(reason.code(), expected) << reason.message();
}

}  // namespace tidegate::contract
