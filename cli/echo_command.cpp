// See echo_command.hpp.
#include "echo_command.hpp"

#include <tidegate/error.hpp>
#include <tidegate/server.hpp>
#include <tidegate/transport.hpp>

#include "arguments.hpp"
#include "backend_choice.hpp"
#include "connection_log.hpp"
#include "echo_datagrams.hpp"
#include "echo_protocol.hpp"
#include "stop_signals.hpp"

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

#include <fmt/format.h>

namespace tidegate::cli {

namespace {

// A peer that does not take what it asked for must not keep the process alive for ever.
constexpr std::chrono::seconds kLongestFarewell{5};

/// The servers of one run, and how they end.
class EchoService {
 public:
  EchoService(Loop& loop, const EchoOptions& options)
      : loop_(loop), options_(options), stop_asked_(loop.create_future<void>()) {
    if (!options.quiet) log_ = std::make_shared<ConnectionLog>();
    loop.set_exception_handler([this](Loop&, const ExceptionContext& context) { note_exception(context); });
  }
  EchoService(const EchoService&) = delete;
  EchoService& operator=(const EchoService&) = delete;
  /// Where a later place could not be listened at, nobody else ends these.
  ~EchoService() {
    loop_.set_exception_handler({});
    for (const auto& endpoint : datagrams_) endpoint.transport->abort();
  }

  [[nodiscard]] Task<> run() {
    const StopSignals signals(loop_, [this] { stop(); });
    for (const EchoPlace& place : options_.places) co_await listen(place);
    announce();
    co_await stop_asked_;
    co_await end();
  }

 private:
  Task<> listen(const EchoPlace& place) {
    const Url& url = place.url;
    const auto make_protocol = [this] { return std::make_shared<EchoProtocol>(log_); };
    try {
      if (url.scheme == Url::Scheme::unix_domain) {
        servers_.push_back(co_await loop_.create_unix_server(make_protocol, url.path));
      } else if (url.scheme == Url::Scheme::udp) {
        const auto make_datagrams = [this] { return std::make_shared<EchoDatagrams>(loop_); };
        const DatagramOptions at{.local = {url.host, url.port}};
        datagrams_.push_back(co_await loop_.create_datagram_endpoint(make_datagrams, at));
        note_place(to_url_text(datagrams_.back().transport->sockname(), url.scheme));
        co_return;
      } else {
        const ServerOptions how = place.security.server_options();
        servers_.push_back(co_await loop_.create_server(make_protocol, url.host, url.port, how));
      }
    } catch (const OsError& error) {
      throw std::runtime_error(fmt::format("cannot listen on {}: {}", url.to_string(), error.what()));
    }
    for (const Endpoint& endpoint : servers_.back().endpoints())
      note_place(to_url_text(endpoint, url.scheme));
  }

  /// A client whose handshake fails has no protocol that would be told: the handler is.
  void note_exception(const ExceptionContext& context) {
    const auto* protocol = dynamic_cast<const EchoProtocol*>(context.protocol);
    const auto* transport = dynamic_cast<const Transport*>(context.transport);
    if (protocol == nullptr || transport == nullptr || protocol->was_connected()) {
      loop_.default_exception_handler(context);
    } else if (log_) {
      ConnectionLog::refused(transport->peername(), describe(context.exception));
    }
  }

  void note_place(const std::string& url) { places_ += fmt::format("listening on {}\n", url); }

  /// Only when every place is listened at: who reads the first line can rely on all of them.
  void announce() const {
    const std::string_view backend = loop_.backend_name();
    if (!options_.quiet || !refusal(options_.backend, backend).empty()) {
      print_log(fmt::format("tidegate {} echo, backend {}", TIDEGATE_VERSION,
                            backend_text(options_.backend, backend)));
    }
    print_result(places_);
  }

  void stop() {
    if (stop_asked_.done()) {
      abort();
    } else {
      stop_asked_.set_result();
    }
  }

  Task<> end() {
    for (Server& server : servers_) server.close();
    for (Server& server : servers_) server.close_clients();
    for (const auto& endpoint : datagrams_) endpoint.transport->close();
    TimerHandle patience = loop_.call_later(kLongestFarewell, [this] { abort(); });
    for (const Server& server : servers_) co_await server.wait_closed();
    for (const auto& endpoint : datagrams_) {
      const Future<> ended = endpoint.protocol->ended();
      co_await ended;
    }
    patience.cancel();
  }

  void abort() {
    for (Server& server : servers_) server.abort_clients();
    for (const auto& endpoint : datagrams_) endpoint.transport->abort();
  }

  Loop& loop_;
  const EchoOptions& options_;
  Future<> stop_asked_;
  std::shared_ptr<ConnectionLog> log_;
  std::vector<Server> servers_;
  std::vector<DatagramEndpoint<EchoDatagrams>> datagrams_;
  std::string places_;  // what is said of them, in the order in which they were asked for
};

Task<> serve(const EchoOptions& options) {
  EchoService service(get_running_loop(), options);
  co_await service.run();
}

}  // namespace

ExitCode run_echo(const EchoOptions& options) {
  tidegate::run(serve(options), {.backend = options.backend, .spin = options.spin});
  return ExitCode::success;
}

}  // namespace tidegate::cli
