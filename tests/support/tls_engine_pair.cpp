#include "support/tls_engine_pair.hpp"

#include "support/certificates.hpp"

#include <algorithm>
#include <utility>

namespace tidegate::testing {

namespace {

tls::EngineTerms with_reports(tls::EngineTerms terms, std::vector<std::string>& reports) {
  terms.report = [&reports](const char* message, const std::exception_ptr& exception) {
    reports.push_back(std::string(message) + ": " + describe(exception));
  };
  return terms;
}

}  // namespace

EngineEnd::EngineEnd(const TlsContext& context, const tls::EngineTerms& terms)
    : engine_(context.core()->make_engine(with_reports(terms, reports), *this)) {}

void EngineEnd::put(BytesView ciphertext) {
  if (sink_failure != nullptr) std::rethrow_exception(sink_failure);
  said.append(ciphertext.text());
}

void EngineEnd::take(BytesView ciphertext) {
  // In memory of its own, so that a sanitizer sees who reads beyond it or too late.
  const std::vector<std::byte> lent(ciphertext.begin(), ciphertext.end());
  engine_->feed(BytesView(lent));
  go_on();
  // What follows an end is nobody's.
  (void)engine_->take_rest();
}

void EngineEnd::go_on() {
  if (!engine_->handshake_is_over()) {
    outcome_ = engine_->handshake();
    if (outcome_ != Outcome::done) return;
  }
  read();
}

void EngineEnd::read() {
  std::string memory(read_bytes, '\0');
  for (;;) {
    const auto result = engine_->read(memory);
    outcome_ = result.outcome;
    if (result.outcome != Outcome::done) return;
    heard.append(memory, 0, result.size_bytes);
  }
}

TlsOptions server_options() {
  TlsOptions options;
  options.cert_chains = {server_certificate().chain()};
  return options;
}

TlsOptions client_options() {
  TlsOptions options;
  options.ca_data = trusted_authority().certificate_pem();
  return options;
}

TlsOptions only(TlsVersion version, TlsOptions options) {
  options.minimum_version = version;
  options.maximum_version = version;
  return options;
}

EnginePair::EnginePair(const TlsOptions& client, const TlsOptions& server)
    : EnginePair(TlsContext::client(client), TlsContext::server(server)) {}

EnginePair::EnginePair(const TlsContext& client_context, const TlsContext& server_context,
                       const tls::EngineTerms& client_terms)
    : client(client_context, client_terms), server(server_context, {}) {}

bool EnginePair::shake_hands() {
  client.go_on();
  exchange();
  return client.engine().handshake_is_over() && server.engine().handshake_is_over() &&
         client.engine().failure() == nullptr && server.engine().failure() == nullptr;
}

void EnginePair::exchange() {
  bool moves = true;
  while (moves) {
    moves = carry(client, server);
    moves = carry(server, client) || moves;
  }
}

bool EnginePair::carry(EngineEnd& from, EngineEnd& to) const {
  const std::string ciphertext = std::exchange(from.said, {});
  for (BytesView rest = ciphertext; !rest.empty(); rest = rest.drop(piece_bytes)) {
    to.take(rest.first(piece_bytes));
  }
  return !ciphertext.empty();
}

}  // namespace tidegate::testing
