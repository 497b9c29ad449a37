// See gate.hpp.
#include "relay/gate.hpp"

#include <tidegate/error.hpp>
#include <tidegate/protocol.hpp>

#include "arguments.hpp"

#include <cerrno>
#include <chrono>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>

namespace tidegate::cli::relay {

namespace {

// The kernel's own limit applies: who is held back here is to wait, not to be refused.
constexpr int kBacklog = SOMAXCONN;
// Then the others get their turn.
constexpr int kMostAtOnce = 64;
// How long accepting stops when the process or the machine has run out of something.
constexpr std::chrono::seconds kRest{1};

Socket duplicate(SocketView socket) {
  OwnedFileDescriptor copy(FileDescriptor{::fcntl(socket.descriptor().number, F_DUPFD_CLOEXEC, 0)});
  if (!copy.valid()) throw OsError(std::error_code(errno, std::system_category()), "fcntl(F_DUPFD_CLOEXEC)");
  return Socket(std::move(copy));
}

/// Whether it is the connection that is at fault, and the next one may do better (accept(2) lists them).
bool concerns_one_connection(int error) noexcept {
  switch (error) {
    case ECONNABORTED:
    case EINTR:
    case EPERM:
    case EPROTO:
    case ENOPROTOOPT:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET:
    case EOPNOTSUPP:
      return true;
    default:
      return false;
  }
}

}  // namespace

Gate::Gate(Loop& loop, std::optional<std::size_t> most_connections, OnAccepted on_accepted,
           OnTrouble on_trouble)
    : loop_(loop),
      most_connections_(most_connections.value_or(std::numeric_limits<std::size_t>::max())),
      on_accepted_(std::move(on_accepted)),
      on_trouble_(std::move(on_trouble)) {}

Task<> Gate::open(const Url& url) {
  scheme_ = url.scheme;
  const auto never = [] { return std::make_shared<Protocol>(); };
  try {
    if (url.scheme == Url::Scheme::unix_domain) {
      const UnixServerOptions bound_only{.start_serving = false};
      server_ = co_await loop_.create_unix_server(never, url.path, bound_only);
    } else {
      const ServerOptions bound_only{.start_serving = false};
      server_ = co_await loop_.create_server(never, url.host, url.port, bound_only);
    }
    for (const SocketView socket : server_.sockets()) {
      listeners_.push_back(duplicate(socket));
      listeners_.back().listen(kBacklog);
    }
  } catch (const OsError& error) {
    throw std::runtime_error(fmt::format("cannot listen on {}: {}", url.to_string(), error.what()));
  }
  watch();
}

std::vector<std::string> Gate::places() const {
  std::vector<std::string> texts;
  for (const Socket& listener : listeners_)
    texts.push_back(to_url_text(listener.view().local_endpoint(), scheme_));
  return texts;
}

void Gate::connection_ended() {
  --open_connections_;
  // While it rests, the timer brings it back.
  if (!is_short_) watch();
}

void Gate::close() {
  look_away();
  retry_.cancel();
  listeners_.clear();
  if (server_) server_.close();
}

void Gate::watch() {
  if (is_full() || std::exchange(is_watching_, true)) return;
  for (const Socket& listener : listeners_) {
    loop_.add_reader(listener.descriptor(), [this, &listener] { accept_from(listener); });
  }
}

void Gate::look_away() {
  if (!std::exchange(is_watching_, false)) return;
  for (const Socket& listener : listeners_) loop_.remove_reader(listener.descriptor());
}

void Gate::accept_from(const Socket& listener) {
  for (int turn = 0; turn < kMostAtOnce && !is_full(); ++turn) {
    Socket accepted(OwnedFileDescriptor(FileDescriptor{
        ::accept4(listener.descriptor().number, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)}));
    if (!accepted.valid()) {
      if (errno == EAGAIN) return;
      if (concerns_one_connection(errno)) continue;
      return rest(errno);
    }
    is_short_ = false;
    ++open_connections_;
    on_accepted_(std::move(accepted));
    if (!is_watching_) return;  // closed from inside
  }
  if (is_full()) look_away();
}

/// The connections wait in the kernel's queue meanwhile; none is lost, and nothing spins.
void Gate::rest(int error) {
  look_away();
  if (!std::exchange(is_short_, true)) {
    on_trouble_(fmt::format("cannot accept connections, trying again: {}",
                            std::error_code(error, std::system_category()).message()));
  }
  retry_ = loop_.call_later(kRest, [this] { watch(); });
}

}  // namespace tidegate::cli::relay
