// Bytes in one direction: the end that writes them, and the end that reads them.
#include <tidegate/error.hpp>
#include <tidegate/server.hpp>
#include <tidegate/transport.hpp>

#include "arguments.hpp"
#include "bench/loads.hpp"
#include "bench/open_connections.hpp"
#include "bench/pattern_stream.hpp"
#include "output.hpp"

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

namespace tidegate::cli::bench {

namespace {

// What one connection may write before others have their turn, where its peer is so fast that it is never
// paused.
constexpr std::size_t kTurnBytes = 1 << 20;
// Every source writes the same stream: a sink can't know which source it has.
const Pattern kPattern(0);

// --- the two ends ------------------------------------------------------------------------------------------

/// Writes as long as it may, from the session's beginning to its end.
class Source final : public Protocol, public std::enable_shared_from_this<Source> {
 public:
  Source(std::shared_ptr<Session> session, std::size_t number)
      : session_(std::move(session)), number_(number), writer_(kPattern, session_->options().size_bytes) {}

  void connection_made(TransportRef transport) override {
    writer_.attach(transport);
    session_->connections().opened(number_, std::move(transport));
    if (session_->has_begun()) write_turn();
  }

  /// REQUIRES: connected.
  void write_turn() {
    if (session_->is_over() || writer_.is_paused()) return;
    const std::uint64_t before = writer_.position();
    writer_.write_until(writer_.target() + kTurnBytes);
    count_since(before);
    if (!writer_.is_paused()) {
      session_->loop().call_soon([source = weak_from_this()] {
        if (const auto alive = source.lock()) alive->write_turn();
      });
    }
  }

  // A sink need not say anything: that it will not is no reason to stop. Over TLS there is no half of an end.
  bool eof_received() override { return !session_->options().security; }

  void pause_writing() override { writer_.pause(); }

  void resume_writing() override {
    const std::uint64_t before = writer_.position();
    writer_.resume();
    count_since(before);
    write_turn();
  }

  void connection_lost(const Error& reason) override {
    session_->connections().closed(number_);
    session_->lost(number_, reason, writer_.position());
  }

 private:
  void count_since(std::uint64_t before) {
    session_->measurement().bytes(static_cast<std::size_t>(writer_.position() - before));
  }

  std::shared_ptr<Session> session_;
  std::size_t number_;
  PatternWriter writer_;
};

/// Counts what comes, and compares it where that was asked for.
class Sink final : public Protocol {
 public:
  Sink(std::shared_ptr<Session> session, std::size_t number)
      : session_(std::move(session)), number_(number), reader_(kPattern) {}

  void connection_made(TransportRef transport) override {
    transport_ = transport;
    session_->connections().opened(number_, std::move(transport));
  }

  void data_received(BytesView data) override {
    received_bytes_ += data.size();
    session_->measurement().bytes(data.size());
    if (!session_->options().check) return;
    if (const auto wrong = reader_.take(data)) give_up(*wrong);
  }

  void connection_lost(const Error& reason) override {
    session_->connections().closed(number_);
    // Whoever sends may stop when there is no more.
    if (reason) session_->lost(number_, reason, received_bytes_);
    session_->stop_if_deserted();
  }

 private:
  void give_up(std::string_view problem) {
    session_->fail(number_, problem);
    session_->stop();
    transport_->abort();
  }

  std::shared_ptr<Session> session_;
  std::size_t number_;
  TransportRef transport_;
  PatternReader reader_;
  std::uint64_t received_bytes_ = 0;
};

// --- who connects to whom ----------------------------------------------------------------------------------

/// Stops listening where this ends, however it ends.
class Listening {
 public:
  explicit Listening(const Server& server) : server_(server) {}
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;
  ~Listening() { server_.close(); }

 private:
  Server server_;
};

/// Listens until the session is over, which begins with the first connection.
template <typename End>
Task<> serve(std::shared_ptr<Session> session) {
  const Url& url = session->options().url;
  auto accept = [session, connections = std::size_t{0}]() mutable {
    // Before it is connected, so that it finds the session going.
    if (!session->has_begun()) session->begin();
    return std::make_shared<End>(session, ++connections);
  };
  Server server;
  try {
    if (url.scheme == Url::Scheme::unix_domain) {
      auto starting = session->loop().create_unix_server(accept, url.path);
      server = co_await std::move(starting);
    } else {
      const ServerOptions how = session->options().security.server_options();
      auto starting = session->loop().create_server(accept, url.host, url.port, how);
      server = co_await std::move(starting);
    }
  } catch (const OsError& error) {
    throw std::runtime_error(fmt::format("cannot listen on {}: {}", url.to_string(), error.what()));
  }
  const Listening listening(server);
  for (const Endpoint& endpoint : server.endpoints()) {
    print_log(fmt::format("listening on {}", to_url_text(endpoint, url.scheme)));
  }
  co_await session->over();
}

template <typename End>
Task<> connect_each(std::shared_ptr<Session> session, std::vector<std::shared_ptr<End>>& ends) {
  MakeClient make_client = [&session, &ends](std::size_t number) {
    return ends.emplace_back(std::make_shared<End>(session, number));
  };
  co_await open_connections(session, std::move(make_client));
  session->begin();
  session->stop_if_deserted();
}

}  // namespace

Task<> source_load(std::shared_ptr<Session> session) {
  std::vector<std::shared_ptr<Source>> sources;
  if (session->options().listen) {
    co_await serve<Source>(session);
  } else {
    co_await connect_each(session, sources);
    for (const auto& source : sources) source->write_turn();
    co_await session->over();
  }
  session->connections().close_all();
  co_await session->connections().end_within(kLongestFarewell);
}

Task<> sink_load(std::shared_ptr<Session> session) {
  std::vector<std::shared_ptr<Sink>> sinks;
  if (session->options().listen) {
    co_await serve<Sink>(session);
  } else {
    co_await connect_each(session, sinks);
    co_await session->over();
  }
  // Goes on reading, so that a source whose time is up a moment later does not find itself cut off.
  co_await session->connections().end_within(kLongestFarewell);
}

}  // namespace tidegate::cli::bench
