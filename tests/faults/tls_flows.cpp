// Flows that are secured: see flows.hpp.
#include "faults/conversation.hpp"
#include "faults/flows.hpp"
#include "support/certificates.hpp"

#include <string>
#include <utility>

namespace tidegate::faults {

namespace {

const TlsContext& client_context() {
  static const TlsContext context =
      TlsContext::client({.ca_data = testing::trusted_authority().certificate_pem()});
  return context;
}

const TlsContext& server_context() {
  static const TlsContext context =
      TlsContext::server({.cert_chains = {testing::server_certificate().chain()}});
  return context;
}

}  // namespace

Task<void> play_tls_echo(Stage& stage) {
  stage.begin();
  auto asker_fate = std::make_shared<Fate>();
  auto answerer_fate = std::make_shared<Fate>();
  ServerOptions serving_options;
  serving_options.tls = server_context();
  auto serving =
      stage.loop().create_server(MakesEnd<Answerer>(stage, answerer_fate), "127.0.0.1", 0, serving_options);
  const Listening listening(co_await std::move(serving));
  ConnectOptions options;
  options.tls = client_context();
  auto connecting = stage.loop().create_connection(MakesEnd<Asker>(stage, asker_fate), "127.0.0.1",
                                                   listening.port(), options);
  auto connection = co_await std::move(connecting);
  while (!answerer_fate->is_made && !asker_fate->is_lost) {
    auto change = stage.change();
    co_await change;
  }
  Conversation conversation;
  conversation.asker = std::move(connection.protocol);
  conversation.asker_fate = asker_fate;
  conversation.answerer_fate = answerer_fate;
  auto talking = talk(stage, std::move(conversation));
  co_await std::move(talking);
}

Task<void> play_start_tls(Stage& stage) {
  stage.begin();
  auto asker_fate = std::make_shared<Fate>();
  auto answerer_fate = std::make_shared<Fate>();
  auto [near, far] = stage.socket_pair();
  auto accepting =
      stage.loop().connect_accepted_socket(MakesEnd<Answerer>(stage, answerer_fate), std::move(far));
  auto accepted = co_await std::move(accepting);
  auto connecting = stage.loop().create_connection(MakesEnd<Asker>(stage, asker_fate), std::move(near));
  auto connection = co_await std::move(connecting);
  auto serving = stage.loop().create_task(
      stage.loop().start_tls(accepted.transport, accepted.protocol, server_context()));
  StartTlsOptions options;
  options.server_hostname = "localhost";
  auto calling = stage.loop().start_tls(connection.transport, connection.protocol, client_context(), options);
  const TransportRef secured = co_await std::move(calling);
  const TransportRef other = co_await serving;
  connection.protocol->connection_made(secured);
  accepted.protocol->connection_made(other);
  Conversation conversation;
  conversation.asker = std::move(connection.protocol);
  conversation.asker_fate = asker_fate;
  conversation.answerer_fate = answerer_fate;
  auto talking = talk(stage, std::move(conversation));
  co_await std::move(talking);
}

}  // namespace tidegate::faults
