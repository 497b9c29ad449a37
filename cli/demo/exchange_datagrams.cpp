// See exchange_datagrams.hpp.
#include "demo/exchange_datagrams.hpp"

#include <tidegate/datagram.hpp>
#include <tidegate/error.hpp>
#include <tidegate/future.hpp>
#include <tidegate/loop.hpp>
#include <tidegate/timeout.hpp>

#include "demo/stage.hpp"
#include "echo_datagrams.hpp"
#include "pattern.hpp"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace tidegate::cli::demo {

namespace {

constexpr std::size_t kClients = 16;
constexpr std::size_t kDatagramsPerClient = 500;
constexpr std::size_t kLengths = 1025;  // from none to 1,024 bytes

/// One socket's side of the exchange.
class Correspondent final : public DatagramProtocol {
 public:
  Correspondent(std::shared_ptr<TransportReport> report, std::size_t number, Endpoint server)
      : report_(std::move(report)),
        number_(number),
        server_(std::move(server)),
        pattern_(number),
        ended_(get_running_loop().create_future<void>()) {}

  void begin() { send(); }
  [[nodiscard]] const Future<>& ended() const noexcept { return ended_; }
  [[nodiscard]] bool is_complete() const noexcept { return back_ == kDatagramsPerClient; }
  [[nodiscard]] std::size_t back() const noexcept { return back_; }

  void connection_made(DatagramTransportRef transport) override { transport_ = std::move(transport); }

  void datagram_received(BytesView data, const Endpoint& address) override {
    if (address != server_) return fail("a datagram came from " + address.to_string());
    if (is_complete()) return fail("a datagram came twice");
    const std::size_t size_bytes = next_size();
    if (!(data == pattern_.piece(sent_bytes_, size_bytes)))
      return fail(fmt::format("{} bytes came back as {} others", size_bytes, data.size()));
    sent_bytes_ += size_bytes;
    report_->bytes += size_bytes;
    ++report_->messages;
    ++back_;
    if (is_complete()) {
      transport_->close();
    } else {
      send();
    }
  }

  void error_received(const Error& error) override { fail(error.message()); }

  void connection_lost(const Error& reason) override {
    if (reason) report_->note(fmt::format("datagrams: {}", reason.message()));
    transport_.reset();
    if (!ended_.done()) ended_.set_result();
  }

 private:
  /// Every length comes up, in an order of each socket's own.
  [[nodiscard]] std::size_t next_size() const noexcept { return (back_ * 193 + number_ * 61) % kLengths; }

  void send() { transport_->sendto(pattern_.piece(sent_bytes_, next_size())); }

  void fail(const std::string& problem) {
    report_->note(fmt::format("datagrams: {}", problem));
    transport_->abort();
  }

  std::shared_ptr<TransportReport> report_;
  std::size_t number_;
  Endpoint server_;
  Pattern pattern_;
  Future<> ended_;
  DatagramTransportRef transport_;
  std::size_t back_ = 0;
  std::size_t sent_bytes_ = 0;
};

/// Ends them when this goes, for the demo may be interrupted; those that have ended do not mind.
class OpenTransports {
 public:
  OpenTransports() = default;
  OpenTransports(const OpenTransports&) = delete;
  OpenTransports& operator=(const OpenTransports&) = delete;
  ~OpenTransports() { abort(); }

  void add(DatagramTransportRef transport) { transports_.push_back(std::move(transport)); }
  void abort() {
    for (const DatagramTransportRef& transport : transports_) transport->abort();
  }

 private:
  std::vector<DatagramTransportRef> transports_;
};

using Correspondents = std::vector<DatagramEndpoint<Correspondent>>;

Task<> wait_for_all(const Correspondents& correspondents) {
  for (const auto& correspondent : correspondents) {
    const Future<> ended = correspondent.protocol->ended();
    co_await ended;
  }
}

/// False where that took too long: a datagram has been lost.
Task<bool> all_end_in_time(const Correspondents& correspondents) {
  auto waiting = wait_for_all(correspondents);
  auto waiting_in_bounds = wait_for(std::move(waiting), kPatience);
  bool in_time = true;
  try {
    co_await std::move(waiting_in_bounds);
  } catch (const TimeoutError&) {
    in_time = false;
  }
  co_return in_time;
}

}  // namespace

Task<> exchange_datagrams(std::shared_ptr<TransportReport> report, std::shared_ptr<ProgressLine> progress) {
  Loop& loop = get_running_loop();
  report->transport = "udp IPv4";
  progress->show(report->transport, "datagrams", 0);
  const auto make_echo = [&loop] { return std::make_shared<EchoDatagrams>(loop); };
  const DatagramOptions anywhere{.local = {"127.0.0.1", 0}};
  const auto echo = co_await loop.create_datagram_endpoint(make_echo, anywhere);
  OpenTransports open;
  open.add(echo.transport);
  const Endpoint server = echo.transport->sockname();
  const std::string host = server.host();
  const DatagramOptions to_echo{.remote = {host, server.port()}};

  Correspondents correspondents;
  for (std::size_t number = 0; number < kClients; ++number) {
    const auto make_client = [&] { return std::make_shared<Correspondent>(report, number, server); };
    auto correspondent = co_await loop.create_datagram_endpoint(make_client, to_echo);
    open.add(correspondent.transport);
    correspondents.push_back(std::move(correspondent));
  }

  const TimePoint begin = loop.time();
  for (const auto& correspondent : correspondents) correspondent.protocol->begin();
  auto ending = all_end_in_time(correspondents);
  const bool in_time = co_await std::move(ending);
  report->messages_time = loop.time() - begin;
  for (std::size_t number = 0; number < kClients; ++number) {
    const Correspondent& client = *correspondents[number].protocol;
    if (!in_time && !client.is_complete()) {
      report->note(
          fmt::format("datagrams: socket {} got {} of {} back", number, client.back(), kDatagramsPerClient));
    }
  }

  open.abort();
  const Future<> closed = echo.protocol->ended();
  co_await closed;
  auto stragglers = wait_for_all(correspondents);
  co_await std::move(stragglers);
}

}  // namespace tidegate::cli::demo
