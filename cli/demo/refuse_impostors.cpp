// See refuse_impostors.hpp.
#include "demo/refuse_impostors.hpp"

#include <tidegate/loop.hpp>
#include <tidegate/protocol.hpp>
#include <tidegate/socket.hpp>
#include <tidegate/tls.hpp>
#include <tidegate/transport.hpp>

#include "demo/identity.hpp"

#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace tidegate::cli::demo {

namespace {

/// As OpenSSL counts them (x509_vfy.h), and CertificateError::verify_code.
constexpr int kUnknownIssuer = 20;
constexpr int kOtherHost = 62;

/// One end, which may never come to be.
class Guest final : public Protocol {
 public:
  void connection_made(TransportRef transport) override {
    was_let_in_ = true;
    transport->abort();
  }
  [[nodiscard]] bool was_let_in() const noexcept { return was_let_in_; }

 private:
  bool was_let_in_ = false;
};

/// Somebody who answers, and what the client makes of him.
struct Visit {
  const char* who;
  /// For whose sake the client has come.
  std::string_view wanted_host;
  TlsContext server;
  TlsContext client;
  /// Why he is refused; 0: he is not.
  int verify_code = 0;
};

TlsContext server_of(const Identity& identity) {
  TlsCertChain chain;
  chain.certificate_pem = identity.certificate;
  chain.key_pem = identity.key;
  TlsOptions options;
  options.cert_chains.push_back(std::move(chain));
  return TlsContext::server(options);
}

/// 0 where the client was content.
Task<int> verify_code_of(std::shared_ptr<Guest> client, const Visit& visit, Socket socket) {
  const auto make_client = [&client] { return client; };
  SecureConnectOptions how;
  how.tls = visit.client;
  how.server_hostname = visit.wanted_host;
  auto connecting = get_running_loop().create_connection(make_client, std::move(socket), how);
  try {
    co_await std::move(connecting);
  } catch (const CertificateError& error) {
    co_return error.verify_code();
  }
  co_return 0;
}

Task<> accept(std::shared_ptr<Guest> server, const Visit& visit, Socket socket) {
  const auto make_server = [&server] { return server; };
  SecureAcceptOptions how;
  how.tls = visit.server;
  auto accepting = get_running_loop().connect_accepted_socket(make_server, std::move(socket), how);
  try {
    co_await std::move(accepting);
  } catch (const TlsError&) {
    // It was not whom the client wanted, and is told so.
  }
}

/// What was wrong; empty where nothing was.
Task<std::string> receive(const Visit& visit) {
  auto [server_socket, client_socket] = Socket::pair();
  const auto server = std::make_shared<Guest>();
  const auto client = std::make_shared<Guest>();
  const auto accepting = get_running_loop().create_task(accept(server, visit, std::move(server_socket)));
  const int verify_code = co_await verify_code_of(client, visit, std::move(client_socket));
  co_await accepting;
  if (verify_code != visit.verify_code) {
    co_return fmt::format("{}: the verification ended with {}, expected {}", visit.who, verify_code,
                          visit.verify_code);
  }
  if (client->was_let_in() != (visit.verify_code == 0)) co_return fmt::format("{} was let in", visit.who);
  co_return std::string();
}

}  // namespace

Task<> refuse_impostors(std::shared_ptr<TransportReport> report) {
  const Identity right = make_identity();
  const Identity stranger = make_identity();
  const TlsContext client = TlsContext::client({.ca_data = right.authority});
  const Visit visits[] = {
      {.who = "the right server",
       .wanted_host = kHostOfIdentity,
       .server = server_of(right),
       .client = client},
      {.who = "a server of another name",
       .wanted_host = "other.tidegate.test",
       .server = server_of(right),
       .client = client,
       .verify_code = kOtherHost},
      {.who = "a server that anybody could be",
       .wanted_host = kHostOfIdentity,
       .server = server_of(stranger),
       .client = client,
       .verify_code = kUnknownIssuer},
  };
  for (const Visit& visit : visits) {
    const std::string problem = co_await receive(visit);
    if (!problem.empty()) report->note("impostors: " + problem);
  }
}

}  // namespace tidegate::cli::demo
