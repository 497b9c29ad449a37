// The closed loop over datagrams: for each that came back, or that was given up, the next one goes out.
#include <tidegate/datagram.hpp>
#include <tidegate/error.hpp>
#include <tidegate/loop.hpp>

#include "bench/datagram_window.hpp"
#include "bench/loads.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace tidegate::cli::bench {

namespace {

/// Keeps the datagrams of one socket under way.
class DatagramEchoClient final : public DatagramProtocol {
 public:
  DatagramEchoClient(std::shared_ptr<Session> session, std::size_t number)
      : session_(std::move(session)),
        number_(number),
        window_(Pattern(number), session_->options().size_bytes, session_->options().pipeline) {}

  /// Sends as many as may be under way; closes once the run is over and all are back. REQUIRES: connected.
  void go_on() {
    if (transport_->is_closing()) return;
    const TimePoint now = session_->loop().time();
    if (!session_->is_over()) {
      send_more(now);
    } else if (window_.is_empty()) {
      transport_->close();
    }
  }

  void connection_made(DatagramTransportRef transport) override {
    transport_ = transport;
    session_->connections().opened(number_, std::move(transport));
  }

  void datagram_received(BytesView data, const Endpoint&) override {
    const TimePoint now = session_->loop().time();
    const Answer answer = window_.take(data, now);
    if (!answer.problem.empty()) return give_up(answer.problem);
    if (answer.latency) {
      back_bytes_ += data.size();
      session_->measurement().message(*answer.latency);
      session_->measurement().bytes(data.size());
    } else {
      session_->measurement().late();
    }
    go_on();
  }

  void error_received(const Error& error) override {
    // This machine had no memory for one: lost, as others are on the way.
    if (error.code() == std::errc::no_buffer_space) return;
    if (!session_->is_over()) session_->fail(number_, describe_loss(error, back_bytes_));
    transport_->abort();
  }

  void pause_writing() override { is_paused_ = true; }

  void resume_writing() override {
    is_paused_ = false;
    go_on();
  }

  void connection_lost(const Error& reason) override {
    patience_.cancel();
    session_->connections().closed(number_);
    if (reason) session_->lost(number_, reason, back_bytes_);
    session_->stop_if_deserted();
  }

 private:
  void send_more(TimePoint now) {
    while (window_.has_room() && !is_paused_ && !transport_->is_closing())
      transport_->sendto(window_.next(now));
    if (!is_waiting_) wait_for_the_oldest();
  }

  /// Until it is back or given up; what is sent meanwhile is to be back later.
  void wait_for_the_oldest() {
    const auto deadline = window_.deadline();
    if (!deadline || transport_->is_closing()) return;
    is_waiting_ = true;
    // Cancelled in connection_lost, and this lives until then.
    patience_ = session_->loop().call_at(*deadline, [this] {
      is_waiting_ = false;
      session_->measurement().lost(window_.give_up(session_->loop().time()));
      go_on();
      if (!is_waiting_) wait_for_the_oldest();
    });
  }

  /// What was measured is worth nothing now.
  void give_up(std::string_view problem) {
    session_->fail(number_, problem);
    session_->stop();
    transport_->abort();
  }

  std::shared_ptr<Session> session_;
  std::size_t number_;
  DatagramWindow window_;
  DatagramTransportRef transport_;
  TimerHandle patience_;
  std::uint64_t back_bytes_ = 0;
  bool is_waiting_ = false;
  bool is_paused_ = false;
};

/// Opens a socket that sends to `host` only, and replaces that by the address that it turned out to be: a
/// name is looked up once.
Task<> open_socket(std::shared_ptr<Session> session, std::shared_ptr<DatagramEchoClient> client,
                   std::string& host) {
  const Url& url = session->options().url;
  const auto factory = [&client] { return client; };
  const DatagramOptions options{.remote = {host, url.port}};
  try {
    auto opening = session->loop().create_datagram_endpoint(factory, options);
    const auto opened = co_await std::move(opening);
    host = opened.transport->peername().host();
  } catch (const OsError& error) {
    throw std::runtime_error(fmt::format("cannot send to {}: {}", url.to_string(), error.what()));
  }
}

}  // namespace

Task<> datagram_echo_load(std::shared_ptr<Session> session) {
  std::vector<std::shared_ptr<DatagramEchoClient>> clients;
  std::string host = session->options().url.host;
  for (std::size_t number = 1; number <= session->options().connections; ++number) {
    clients.push_back(std::make_shared<DatagramEchoClient>(session, number));
    auto opening = open_socket(session, clients.back(), host);
    co_await std::move(opening);
  }
  session->begin();
  for (const auto& client : clients) client->go_on();
  co_await session->over();
  for (const auto& client : clients) client->go_on();
  co_await session->connections().end_within(kLongestFarewell);
}

}  // namespace tidegate::cli::bench
