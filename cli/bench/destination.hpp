// Where a load goes, and how one gets there.
#pragma once

#include <tidegate/endpoint.hpp>
#include <tidegate/error.hpp>
#include <tidegate/protocol.hpp>
#include <tidegate/task.hpp>

#include "bench/options.hpp"
#include "security.hpp"

#include <memory>
#include <string>

namespace tidegate::cli::bench {

/// Makes connections to a URL. A host's name is resolved until one of its addresses has answered; then that
/// address is used.
///
/// Lifetime: as long as any `connect` runs.
class Destination {
 public:
  explicit Destination(const Options& options) : url_(options.url), security_(options.security) {}

  /// Throws std::runtime_error that names the URL, the reason, and what may help. Waits as long as the
  /// kernel tries; cancelling it stops that.
  [[nodiscard]] Task<> connect(std::shared_ptr<StreamProtocol> protocol);
  /// As above, but a place that does not answer at all is an error, too, after some seconds.
  [[nodiscard]] Task<> connect_in_time(std::shared_ptr<StreamProtocol> protocol);

 private:
  [[nodiscard]] Task<TransportRef> try_connect(std::shared_ptr<StreamProtocol> protocol);

  Url url_;
  Security security_;
  /// The host that has answered, as a number.
  std::string address_;
};

/// What a failed connect says to people: the reason, and for a shortage of this machine its remedy.
[[nodiscard]] std::string describe_connect_failure(const Url& url, const OsError& error);

}  // namespace tidegate::cli::bench
