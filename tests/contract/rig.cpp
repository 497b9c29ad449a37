// Making connections, running, cleaning up: see rig.hpp.
#include "contract/rig.hpp"

#include "contract/secured_ground.hpp"
#include "net/socket_address.hpp"
#include "support/open_descriptors.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <utility>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tidegate::contract {

namespace {

/// Far beyond what anything takes, also under a sanitizer on a busy machine: it is for what never comes.
constexpr std::chrono::seconds kDeadline{60};
constexpr std::chrono::microseconds kLookEvery{200};

[[noreturn]] void give_up(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

OwnedFileDescriptor checked(int number, const char* attempted) {
  if (number < 0) give_up(attempted);
  return OwnedFileDescriptor(FileDescriptor{number});
}

OwnedFileDescriptor raw_socket(const net::SocketAddress& address) {
  return checked(::socket(address.get()->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
}

bool is_unix(Carrier carrier) {
  return carrier == Carrier::unix_path || carrier == Carrier::unix_abstract || carrier == Carrier::tls_unix;
}

Endpoint loopback(Carrier carrier) {
  return *Endpoint::from_numeric_host(carrier == Carrier::tcp_ipv6 ? "::1" : "127.0.0.1", 0);
}

/// A name as create_unix_server takes it, as an address.
Endpoint unix_endpoint(const std::string& name) {
  return name.starts_with('@') ? Endpoint::unix_abstract(name.substr(1)) : Endpoint::unix_path(name);
}

}  // namespace

/// A listening socket of the test's own, which no loop knows.
struct Rig::Listener {
  explicit Listener(const Endpoint& endpoint) : socket(raw_socket(net::to_sockaddr(endpoint))) {
    const net::SocketAddress address = net::to_sockaddr(endpoint);
    if (::bind(socket.get().number, address.get(), address.length) != 0) give_up("bind");
    if (::listen(socket.get().number, 16) != 0) give_up("listen");
  }

  [[nodiscard]] Endpoint endpoint() const { return SocketView(socket.get()).local_endpoint(); }

  [[nodiscard]] OwnedFileDescriptor accept() const {
    pollfd waiting{socket.get().number, POLLIN, 0};
    if (::poll(&waiting, 1, 10'000) != 1) give_up("nobody connected");
    return checked(::accept4(socket.get().number, nullptr, nullptr, SOCK_CLOEXEC), "accept4");
  }

  OwnedFileDescriptor socket;
};

// --- beginning -----------------------------------------------------------------------------------

std::string Rig::obstacle(const Ground& ground) {
  const std::string without_backend = obstacle_to(ground.backend);
  if (!without_backend.empty()) return without_backend;
  if (ground.carrier != Carrier::tcp_ipv6) return {};
  try {
    const Listener probe(loopback(ground.carrier));
    return {};
  } catch (const std::exception& error) {
    return std::string("no IPv6 here: ") + error.what();
  }
}

Rig::Rig(const Ground& ground)
    : network_(ground.backend), ground_(ground), descriptors_before_(testing::open_descriptors()) {
  set_log_handler([this](LogLevel level, std::string_view line) {
    if (level >= LogLevel::warning) warnings_.emplace_back(line);
  });
  loop_ = std::make_unique<Loop>(network_.applied_to({.backend = ground.backend}));
  loop_->set_exception_handler([this](Loop&, const ExceptionContext& context) {
    reports_.push_back({context.message, context.exception, context.transport, context.protocol});
  });
  stage_.loop = loop_.get();
  stage_.after_callback = [this] { check_progress(); };
}

std::string Rig::unix_name(const char* role) {
  if (folder_.empty()) {
    std::string name = ::testing::TempDir() + "tidegate_XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) give_up("mkdtemp");
    folder_ = name;
  }
  return (ground_.carrier == Carrier::unix_abstract ? "@" : "") + folder_ + "/" + role;
}

// --- connections ---------------------------------------------------------------------------------

TracedEnd& Rig::make_end(const std::string& name) {
  ends_.push_back(std::make_unique<TracedEnd>(stage_, name));
  return *ends_.back();
}

Rig::Listener& Rig::listener() {
  if (!listener_) {
    const Endpoint where =
        is_unix(ground_.carrier) ? unix_endpoint(unix_name("listener")) : loopback(ground_.carrier);
    listener_ = std::make_unique<Listener>(where);
  }
  return *listener_;
}

Endpoint Rig::server_endpoint() {
  if (!server_) {
    const auto factory = [this] { return accepted_factory_(); };
    const TlsContext tls = server_context(ground_);
    if (is_unix(ground_.carrier)) {
      const UnixServerOptions options{.tls = tls};
      server_ = loop_->run_until_complete(loop_->create_unix_server(factory, unix_name("server"), options));
    } else {
      const ServerOptions options{.tls = tls};
      server_ = loop_->run_until_complete(
          loop_->create_server(factory, loopback(ground_.carrier).host(), 0, options));
    }
  }
  return server_.endpoints().front();
}

namespace {

/// Connects and forgets the result: what the tests look at is what the protocols are told.
template <typename Factory>
Task<> connect_to(Loop& loop, Factory factory, Endpoint target, TlsContext tls) {
  if (target.family() == AddressFamily::unix_domain) {
    const std::string name = std::string(target.is_abstract() ? "@" : "").append(target.path());
    SecureConnectOptions options{.tls = tls};
    if (tls) options.server_hostname = "localhost";
    co_await loop.create_unix_connection(factory, name, options);
  } else {
    const std::string host = target.host();
    const ConnectOptions options{.tls = tls};
    co_await loop.create_connection(factory, host, target.port(), options);
  }
}

template <typename Factory>
Task<> adopt(Loop& loop, Factory factory, Socket socket, Side side) {
  if (side == Side::connecting) {
    co_await loop.create_connection(factory, std::move(socket));
  } else {
    co_await loop.connect_accepted_socket(factory, std::move(socket));
  }
}

}  // namespace

/// A raw TLS peer does its part of the handshake only when it is asked to.
void Rig::run_beside_handshakes(Task<> connecting) {
  const auto handle = loop_->create_task(std::move(connecting));
  run_until(
      [&] {
        go_on_with_handshake(*peers_.back());
        return handle.done();
      },
      "a connection");
  handle.result();
}

RawPeer& Rig::connect_raw_to(const std::function<std::shared_ptr<BaseProtocol>()>& make_protocol,
                             const std::function<void(RawPeer&)>& before_made,
                             const std::function<bool()>& made) {
  const std::size_t index = peers_.size();
  peers_.push_back(std::make_unique<RawPeer>());
  const auto arrived = [&](OwnedFileDescriptor descriptor) {
    peers_[index] = make_raw_peer(ground_, std::move(descriptor));
    if (before_made) before_made(*peers_[index]);
  };
  const TlsContext tls = client_context(ground_);
  if (ground_.carrier == Carrier::socket_pair) {
    auto [ours, theirs] = Socket::pair();
    arrived(theirs.release());
    const auto factory = [&make_protocol] { return make_protocol(); };
    loop_->run_until_complete(adopt(*loop_, factory, std::move(ours), ground_.side));
  } else if (ground_.side == Side::connecting) {
    const auto factory = [&] {
      arrived(listener_->accept());
      return make_protocol();
    };
    run_beside_handshakes(connect_to(*loop_, factory, listener().endpoint(), tls));
  } else {
    accepted_factory_ = make_protocol;
    const net::SocketAddress address = net::to_sockaddr(server_endpoint());
    OwnedFileDescriptor socket = raw_socket(address);
    if (::connect(socket.get().number, address.get(), address.length) != 0) give_up("connect");
    arrived(std::move(socket));
  }
  made_on_return_ = made();
  run_until(
      [&] {
        if (made()) return true;
        go_on_with_handshake(*peers_[index]);
        return false;
      },
      "connection_made");
  return *peers_[index];
}

Rig::RawLink Rig::connect_raw(const BeforeMade& before_made) {
  TracedEnd& end = make_end("here");
  RawPeer& peer = connect_raw_to([&] { return end.make_protocol(ground_.receiver); },
                                 [&](RawPeer& arrived) {
                                   if (before_made) before_made(end, arrived);
                                 },
                                 [&] { return end.made_count > 0; });
  links_.push_back({&end, &peer});
  // A server's tickets are on their way until the kernel has them.
  constexpr int kMostRounds = 100;
  for (int rounds = 0; ground_.is_tls() && rounds < kMostRounds; ++rounds) {
    if (!end.ref() || end.lost() || end.buffered() == 0) break;
    run_rounds(1);
  }
  return {end, peer};
}

Rig::TracedLink Rig::connect_pair(const std::function<void(TracedEnd& here, TracedEnd& there)>& prepare) {
  TracedEnd& here = make_end("here");
  TracedEnd& there = make_end("there");
  if (prepare) prepare(here, there);
  TracedEnd& caller = ground_.side == Side::connecting ? here : there;
  TracedEnd& called = ground_.side == Side::connecting ? there : here;
  const auto caller_factory = [&] { return caller.make_protocol(ground_.receiver); };
  const auto called_factory = [&] { return called.make_protocol(ground_.receiver); };
  if (ground_.carrier == Carrier::socket_pair) {
    auto [ours, theirs] = Socket::pair();
    loop_->run_until_complete(adopt(*loop_, caller_factory, std::move(ours), Side::connecting));
    loop_->run_until_complete(adopt(*loop_, called_factory, std::move(theirs), Side::accepted));
  } else {
    accepted_factory_ = called_factory;
    const Endpoint target = server_endpoint();
    const TlsContext tls = client_context(ground_);
    loop_->run_until_complete(connect_to(*loop_, caller_factory, target, tls));
    run_until([&] { return here.made_count > 0 && there.made_count > 0; }, "both connection_made");
  }
  return {here, there};
}

// --- running -------------------------------------------------------------------------------------

void Rig::check_progress() {
  ++callbacks_;
  if (awaited_ == nullptr || reached_ || !(*awaited_)()) return;
  reached_ = true;
  loop_->stop();
}

void Rig::run_until(const std::function<bool()>& holds, const char* what) {
  if (holds()) return;
  awaited_ = &holds;
  reached_ = false;
  const TimePoint deadline = loop_->time() + kDeadline;
  bool late = false;
  TimerHandle next_look;
  const std::function<void()> look = [&] {
    if (reached_) return;
    answer_farewells();
    reached_ = holds();
    late = loop_->time() > deadline;
    if (reached_ || late) {
      loop_->stop();
    } else {
      next_look = loop_->call_later(kLookEvery, [&look] { look(); });
    }
  };
  next_look = loop_->call_later(kLookEvery, [&look] { look(); });
  while (!reached_ && !late) loop_->run_forever();
  next_look.cancel();
  awaited_ = nullptr;
  if (late) throw std::runtime_error(std::string("a minute passed without ") + what + "\n" + traces());
}

void Rig::answer_farewells() {
  if (!ground_.is_tls()) return;
  for (const Link& link : links_) {
    if (link.peer->is_open())
      link.peer->send_some({});  // the rest of a record that the kernel did not take whole
    if (link.end->lost() || !link.end->ref() || !link.end->transport().is_closing()) continue;
    if (!link.peer->is_open()) continue;
    link.peer->receive();
    if (link.peer->saw_eof) link.peer->shutdown_write();
  }
}

void Rig::run_rounds(int count) {
  for (; count > 0; --count) {
    loop_->stop();
    loop_->run_forever();
  }
}

void Rig::run_until_quiet() {
  constexpr int kQuietRounds = 10;
  for (int quiet = 0; quiet < kQuietRounds;) {
    const unsigned before = callbacks_;
    run_rounds(1);
    quiet = callbacks_ == before ? quiet + 1 : 0;
  }
}

void Rig::in_loop(const std::function<void()>& work) {
  bool ran = false;
  loop_->call_soon([&] {
    ran = true;
    work();
  });
  run_until([&] { return ran; }, "a callback of call_soon");
}

std::size_t Rig::fill_kernel(TracedEnd& end) {
  constexpr int kSendBufferBytes = 16 * 1024;
  constexpr std::size_t kPieceBytes = 32 * 1024;
  constexpr std::size_t kSurplusBytes = 512 * 1024;
  end.transport().socket().set_option(SOL_SOCKET, SO_SNDBUF, kSendBufferBytes);
  end.set_limits({.high = std::size_t{1} << 40U});
  std::size_t written = 0;
  // The kernel may move bytes on to the peer's side and have room again: until it has none for some rounds.
  for (int full = 0; full < 3 && !end.transport().is_closing();) {
    if (end.buffered() == 0) {
      full = 0;
      end.write(pattern(kPieceBytes, written));
      written += kPieceBytes;
    } else {
      ++full;
    }
    run_rounds(2);
  }
  // Far more than the kernel could still find room for, for example when a packet of the peer makes it look
  // again.
  end.write(pattern(kSurplusBytes, written));
  written += kSurplusBytes;
  return written;
}

std::chrono::nanoseconds Rig::processor_time_of_running(std::chrono::milliseconds span) {
  const auto used = [] {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  };
  const auto before = used();
  loop_->call_later(span, [this] { loop_->stop(); });
  loop_->run_forever();
  return used() - before;
}

// --- what was said -------------------------------------------------------------------------------

std::vector<Report> Rig::take_reports() { return std::exchange(reports_, {}); }

Report Rig::take_report() {
  const std::vector<Report> taken = take_reports();
  if (taken.size() == 1) return taken.front();
  std::string texts;
  for (const Report& report : taken) texts += "\n" + report.message;
  ADD_FAILURE() << "expected one report, there are " << taken.size() << texts << "\n" << traces();
  return {};
}

std::vector<std::string> Rig::take_warnings() { return std::exchange(warnings_, {}); }

std::string Rig::traces() const {
  std::string text;
  for (const auto& end : ends_) text += end->trace();
  return text;
}

// --- the end -------------------------------------------------------------------------------------

void Rig::close_loop() { loop_->close(); }

void Rig::destroy_loop() { loop_.reset(); }

void Rig::end_connections() {
  for (const auto& peer : peers_) peer->close();
  if (server_) server_.close();
  for (const auto& end : ends_) {
    if (end->made_count > 0 && !end->lost()) end->end_by_force();
  }
  run_until(
      [this] {
        for (const auto& end : ends_) {
          if (end->made_count > 0 && !end->lost()) return false;
        }
        return true;
      },
      "connection_lost on every end");
  run_rounds(2);  // what connection_lost left to be done
}

Rig::~Rig() {
  try {
    if (loop_ && !loop_->is_closed()) end_connections();
  } catch (const std::exception& error) {
    ADD_FAILURE() << error.what();
  }
  server_ = {};
  if (loop_) loop_->close();
  for (const auto& end : ends_) {
    if (end->ref()) end->drop();
  }
  loop_.reset();
  peers_.clear();
  listener_.reset();
  check_leftovers();
  set_log_handler(nullptr);
}

void Rig::check_leftovers() {
  for (const Report& report : reports_) {
    ADD_FAILURE() << "the exception handler was told: " << report.message
                  << (report.exception ? ": " + describe(report.exception) : "") << "\n"
                  << traces();
  }
  for (const std::string& warning : warnings_)
    ADD_FAILURE() << "the log says: " << warning << "\n" << traces();
  for (const auto& end : ends_) {
    if (end->protocols_alive() != 0) {
      ADD_FAILURE() << end->protocols_alive() << " protocols were not let go of\n" << end->trace();
    }
  }
  if (!folder_.empty()) std::filesystem::remove_all(folder_);
  const std::string left = testing::difference(descriptors_before_, testing::open_descriptors());
  if (!left.empty()) ADD_FAILURE() << "descriptors:\n" << left << traces();
}

}  // namespace tidegate::contract
