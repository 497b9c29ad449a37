// Many clients at once, each with one message under way to an echo server.
#include <tidegate/transport.hpp>

#include "demo/scenarios.hpp"
#include "echo_protocol.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace tidegate::cli::demo {

namespace {

constexpr std::size_t kClients = 64;
constexpr std::size_t kMessagesPerClient = 500;
constexpr std::size_t kShortestMessageBytes = 64;
constexpr std::size_t kLongestMessageBytes = 1024;
constexpr std::size_t kLengths = kLongestMessageBytes - kShortestMessageBytes + 1;

/// One client's side of the exchange, whichever way it receives.
class Conversation {
 public:
  Conversation(std::shared_ptr<Stage> stage, std::size_t number)
      : stage_(std::move(stage)), number_(number), pattern_(number) {}

  void opened(TransportRef transport) { transport_ = std::move(transport); }

  void begin() { send_message(); }

  void received(BytesView data) {
    stage_->check_bytes("client", pattern_, received_bytes_, data);
    received_bytes_ += data.size();
    if (received_bytes_ < sent_bytes_) return;
    if (received_bytes_ > sent_bytes_) return stage_->fail("more came back than was sent");
    count_message();
    if (messages_ < kMessagesPerClient) {
      send_message();
    } else {
      transport_->close();
    }
  }

  void ended() {
    if (stage_->has_failed() || messages_ == kMessagesPerClient) return;
    stage_->fail(fmt::format("client {} got {} of {} messages back", number_, messages_, kMessagesPerClient));
  }

 private:
  /// Every length from the shortest to the longest comes up, in an order of each client's own.
  void send_message() {
    const std::size_t size_bytes = kShortestMessageBytes + (messages_ * 193 + number_ * 61) % kLengths;
    const BytesView message = pattern_.piece(sent_bytes_, size_bytes);
    sent_bytes_ += size_bytes;
    transport_->write(message);
  }

  void count_message() {
    ++messages_;
    TransportReport& report = stage_->report();
    ++report.messages;
    stage_->show_progress(static_cast<double>(report.messages) / (kClients * kMessagesPerClient));
  }

  std::shared_ptr<Stage> stage_;
  std::size_t number_;
  Pattern pattern_;
  TransportRef transport_;
  std::size_t messages_ = 0;
  std::uint64_t sent_bytes_ = 0;
  std::uint64_t received_bytes_ = 0;
};

class PlainClient final : public Protocol {
 public:
  explicit PlainClient(std::shared_ptr<Conversation> conversation) : conversation_(std::move(conversation)) {}

  void connection_made(TransportRef transport) override { conversation_->opened(std::move(transport)); }
  void data_received(BytesView data) override { conversation_->received(data); }
  void connection_lost(const Error&) override { conversation_->ended(); }

 private:
  std::shared_ptr<Conversation> conversation_;
};

class BufferedClient final : public BufferedProtocol {
 public:
  explicit BufferedClient(std::shared_ptr<Conversation> conversation)
      : conversation_(std::move(conversation)) {}

  void connection_made(TransportRef transport) override { conversation_->opened(std::move(transport)); }
  // Smaller than most messages, so that they come in parts.
  MutableBytesView get_buffer(std::ptrdiff_t) override { return buffer_; }
  void buffer_updated(std::size_t size_bytes) override {
    conversation_->received(BytesView(buffer_).first(size_bytes));
  }
  void connection_lost(const Error&) override { conversation_->ended(); }

 private:
  std::shared_ptr<Conversation> conversation_;
  std::array<std::byte, 512> buffer_{};
};

std::shared_ptr<StreamProtocol> make_client(std::size_t number, std::shared_ptr<Conversation> conversation) {
  if (number % 2 == 0) return std::make_shared<PlainClient>(std::move(conversation));
  return std::make_shared<BufferedClient>(std::move(conversation));
}

}  // namespace

Task<> exchange_messages(std::shared_ptr<Stage> stage) {
  Stage::ServerFactory servers([] { return std::make_shared<EchoProtocol>(); });
  co_await stage->listen(std::move(servers));

  std::vector<std::shared_ptr<Conversation>> conversations;
  for (std::size_t number = 0; number < kClients; ++number) {
    conversations.push_back(std::make_shared<Conversation>(stage, number));
    co_await stage->connect(make_client(number, conversations.back()));
  }

  const TimePoint begin = get_running_loop().time();
  for (const auto& conversation : conversations) conversation->begin();
  co_await stage->all_ended();
  stage->report().messages_time = get_running_loop().time() - begin;
}

}  // namespace tidegate::cli::demo
