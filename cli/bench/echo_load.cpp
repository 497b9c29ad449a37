// A closed loop: for each message that came back, the next one goes out.
#include <tidegate/transport.hpp>

#include "bench/loads.hpp"
#include "bench/open_connections.hpp"
#include "bench/pattern_stream.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace tidegate::cli::bench {

namespace {

/// Keeps the messages of one connection under way. Messages are runs of one endless stream, so that those
/// which go out in the same turn are a single write.
class EchoClient final : public Protocol {
 public:
  EchoClient(std::shared_ptr<Session> session, std::size_t number)
      : session_(std::move(session)),
        number_(number),
        size_bytes_(session_->options().size_bytes),
        writer_(Pattern(number)),
        reader_(Pattern(number)),
        sent_at_(session_->options().pipeline) {}

  /// REQUIRES: connected.
  void begin() { send_more(session_->loop().time()); }

  void connection_made(TransportRef transport) override {
    transport_ = transport;
    writer_.attach(transport);
    session_->connections().opened(number_, std::move(transport));
  }

  void data_received(BytesView data) override {
    if (const auto wrong = reader_.take_echo(data, writer_)) return give_up(*wrong);
    // Once for all messages that came together.
    const TimePoint now = session_->loop().time();
    count_messages(now);
    session_->measurement().bytes(data.size());
    send_more(now);
  }

  void pause_writing() override { writer_.pause(); }

  void resume_writing() override {
    writer_.resume();
    note_begun_messages(session_->loop().time());
  }

  void connection_lost(const Error& reason) override {
    session_->connections().closed(number_);
    session_->lost(number_, reason, reader_.position());
  }

 private:
  void count_messages(TimePoint now) {
    for (const std::uint64_t complete = reader_.position() / size_bytes_; complete_ < complete; ++complete_) {
      session_->measurement().message(now - sent_at_[complete_ % sent_at_.size()]);
    }
  }

  void send_more(TimePoint now) {
    if (session_->is_over()) return close_when_all_is_back();
    writer_.write_until((complete_ + sent_at_.size()) * size_bytes_);
    note_begun_messages(now);
  }

  /// A message has been sent from when its first byte was written.
  void note_begun_messages(TimePoint now) {
    for (; begun_ * size_bytes_ < writer_.position(); ++begun_) sent_at_[begun_ % sent_at_.size()] = now;
  }

  void close_when_all_is_back() {
    if (reader_.position() == writer_.target()) transport_->close();
  }

  /// What was measured is worth nothing now.
  void give_up(std::string_view problem) {
    session_->fail(number_, problem);
    session_->stop();
    transport_->abort();
  }

  std::shared_ptr<Session> session_;
  std::size_t number_;
  std::size_t size_bytes_;
  TransportRef transport_;
  PatternWriter writer_;
  PatternReader reader_;
  /// Of the messages under way, each in the place of its number.
  std::vector<TimePoint> sent_at_;
  /// Messages that came back, and those of which a part was written.
  std::uint64_t complete_ = 0;
  std::uint64_t begun_ = 0;
};

}  // namespace

Task<> echo_load(std::shared_ptr<Session> session) {
  std::vector<std::shared_ptr<EchoClient>> clients;
  MakeClient make_client = [&session, &clients](std::size_t number) {
    return clients.emplace_back(std::make_shared<EchoClient>(session, number));
  };
  co_await open_connections(session, std::move(make_client));
  session->begin();
  session->stop_if_deserted();
  for (const auto& client : clients) client->begin();
  co_await session->over();
  co_await session->connections().end_within(kLongestFarewell);
}

}  // namespace tidegate::cli::bench
