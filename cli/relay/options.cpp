// See options.hpp.
#include "relay/options.hpp"

#include "amounts.hpp"
#include "arguments.hpp"

#include <fmt/format.h>

namespace tidegate::cli::relay {

namespace {

constexpr std::size_t kMostConnections = 1'000'000;
constexpr double kShortestTimeoutSeconds = 0.01;
constexpr double kLongestTimeoutSeconds = 86'400;

void check_number_of_places(const std::vector<std::string>& places) {
  if (places.empty()) throw UsageError("no endpoints, expected FROM and TO");
  if (places.size() == 1) {
    throw UsageError(fmt::format("only one endpoint, \"{}\", expected FROM and TO", places.front()));
  }
  if (places.size() > 2) {
    throw UsageError(fmt::format("unexpected argument \"{}\", expected two, FROM and TO", places[2]));
  }
}

void check_combination(const Options& options, const Words& words) {
  using Kind = Place::Kind;
  const bool both_standard = options.from.kind == Kind::standard && options.to.kind == Kind::standard;
  if (both_standard) throw UsageError("\"-\" twice, expected another endpoint at one of the ends");
  if (options.from.listens && options.to.kind == Kind::standard) {
    throw UsageError(
        fmt::format("\"-\" as TO of \"{}\", expected an endpoint that can be opened anew for each connection",
                    options.from.as_typed));
  }
  if (words.max_connections && !options.from.listens) {
    throw UsageError(
        fmt::format("--max-connections with \"{}\", expected a FROM that listens", options.from.as_typed));
  }
  const bool any_datagrams = options.from.kind == Kind::datagrams || options.to.kind == Kind::datagrams;
  if (words.udp_timeout && !any_datagrams) {
    throw UsageError(fmt::format("--udp-timeout \"{}\", expected only where an end is udp://HOST:PORT",
                                 *words.udp_timeout));
  }
  if (words.tls_timeout && options.to.url.scheme != Url::Scheme::tls) {
    throw UsageError(
        fmt::format("--tls-timeout \"{}\", expected only where TO is tls://HOST:PORT", *words.tls_timeout));
  }
}

}  // namespace

const char* const kExplanation =
    R"(Endpoints:
  tcp://HOST:PORT  unix:///PATH  unix://@NAME     a connection that is made
  listen+tcp://HOST:PORT  listen+unix:///PATH     FROM only: connections that are accepted, each
                                                  with a TO of its own, until SIGINT or SIGTERM
  tls://HOST:PORT   listen+tls://HOST:PORT?cert=FILE     the same over TLS
  udp://HOST:PORT   datagrams; ended when the other end has and it was silent for --udp-timeout
  exec:COMMAND      standard input and output of a command of the shell
  fifo:///PATH      as FROM it is read, as TO it is written
  -                 standard input and output

What FROM sends goes to TO and the other way round, no faster than it is taken: while more than
--buffer bytes wait to be written to one end, the other is not read. An end of file is passed on,
and the other way goes on; but TLS ends as a whole: a TO over TLS goes on until it ends itself, or
was silent for --tls-timeout; a FROM over TLS is closed when TO has ended.

Without listening the exit status is 130 after a signal; 1 where an end was lost or could not be
opened; that of the command, 128 + N where signal N ended it; 0 where both ways ended in order.

Examples:
  tidegate relay listen+tcp://127.0.0.1:8080 unix:///run/app.sock --stats
  tidegate relay - tcp://127.0.0.1:8080 < request > answer
  tidegate relay listen+tcp://127.0.0.1:7000 exec:'sort -u' --max-connections 4
  tidegate relay 'listen+tls://:8443?cert=server.pem' tcp://127.0.0.1:8080
  tidegate relay listen+tcp://127.0.0.1:8080 tls://example.org:443)";

Options parse_options(const Words& words) {
  check_number_of_places(words.places);
  Options options;
  options.from = Place::parse_from(words.places[0]);
  options.to = Place::parse_to(words.places[1]);
  check_combination(options, words);
  if (words.max_connections) {
    options.max_connections = parse_count("--max-connections", *words.max_connections, kMostConnections);
  }
  if (words.buffer) options.buffer_bytes = parse_size("--buffer", *words.buffer);
  if (words.udp_timeout) {
    options.udp_timeout =
        parse_seconds("--udp-timeout", *words.udp_timeout, kShortestTimeoutSeconds, kLongestTimeoutSeconds);
  }
  if (words.tls_timeout) {
    options.tls_timeout =
        parse_seconds("--tls-timeout", *words.tls_timeout, kShortestTimeoutSeconds, kLongestTimeoutSeconds);
  }
  options.backend = parse_backend(words.backend);
  options.stats = words.stats;
  options.quiet = words.quiet;
  // Last: what was typed is right by now.
  for (Place* place : {&options.from, &options.to}) {
    place->security =
        place->listens ? Security::of_listening(place->url) : Security::of_connecting(place->url);
  }
  return options;
}

}  // namespace tidegate::cli::relay
