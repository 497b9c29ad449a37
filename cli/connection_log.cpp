// See connection_log.hpp.
#include "connection_log.hpp"

#include "arguments.hpp"
#include "output.hpp"
#include "security.hpp"

#include <fmt/format.h>

namespace tidegate::cli {

std::uint64_t ConnectionLog::opened(const Endpoint& peer, const Endpoint& local, const TlsObject* tls) {
  ++connections_;
  const std::string place = tls == nullptr
                                ? to_url_text(local)
                                : to_url_text(local, Url::Scheme::tls) + ", " + agreement_text(*tls);
  print_log(fmt::format("#{} opened  {} at {}", connections_, peer.to_string(), place));
  return connections_;
}

void ConnectionLog::refused(const Endpoint& peer, const std::string& why) {
  print_log(fmt::format("refused {}: {}", peer.to_string(), why));
}

void ConnectionLog::closed(std::uint64_t number, const Endpoint& peer, std::uint64_t received_bytes,
                           const Error& reason) {
  const std::string why = reason ? ": " + reason.message() : "";
  print_log(fmt::format("#{} closed  {} after {} bytes{}", number, peer.to_string(), received_bytes, why));
}

}  // namespace tidegate::cli
