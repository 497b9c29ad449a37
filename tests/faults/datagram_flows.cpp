// Flows over datagrams: see flows.hpp.
#include "faults/flows.hpp"

#include <memory>
#include <utility>
#include <vector>

namespace tidegate::faults {

namespace {

constexpr std::size_t kBurst = 20;

/// What both ends keep count of.
struct Count {
  std::size_t arrived = 0;
  /// Datagrams that were not sent, as their senders were told.
  std::size_t refused = 0;
  std::size_t ends_lost = 0;
};

class DatagramEnd : public DatagramProtocol {
 public:
  DatagramEnd(Stage& stage, std::shared_ptr<Count> count) noexcept
      : stage_(stage), count_(std::move(count)) {}

  void connection_made(DatagramTransportRef transport) override { transport_ = std::move(transport); }
  void error_received(const Error& error) override {
    if (std::string_view(error.attempted()) == "sendto") ++count_->refused;
    stage_.told(error);
  }
  void connection_lost(const Error& reason) override {
    ++count_->ends_lost;
    transport_.reset();
    stage_.lost(reason);
  }

 protected:
  Stage& stage_;  // Lifetime: outlives it
  std::shared_ptr<Count> count_;
  DatagramTransportRef transport_;
};

/// Answers each datagram with many.
class Burster final : public DatagramEnd {
 public:
  using DatagramEnd::DatagramEnd;

  void datagram_received(BytesView data, const Endpoint& sender) override {
    std::size_t sent = 0;
    try {
      for (; sent < kBurst && transport_ != nullptr; ++sent) transport_->sendto(data, sender);
    } catch (...) {
      count_->refused += kBurst - sent;
      stage_.changed();
      throw;
    }
  }
};

class Collector final : public DatagramEnd {
 public:
  using DatagramEnd::DatagramEnd;

  void datagram_received(BytesView, const Endpoint&) override {
    ++count_->arrived;
    stage_.changed();
  }
};

}  // namespace

/// Questions of one datagram, answers of many; what was refused is not waited for.
Task<void> play_datagrams(Stage& stage) {
  constexpr std::size_t kQuestions = 4;
  stage.begin();
  auto count = std::make_shared<Count>();
  auto asking_count = std::make_shared<Count>();
  const auto make_answerer = [&] { return std::make_shared<Burster>(stage, count); };
  const auto make_asker = [&] { return std::make_shared<Collector>(stage, asking_count); };
  DatagramOptions answering_options;
  answering_options.local = DatagramAddress("127.0.0.1", 0);
  auto answering = stage.loop().create_datagram_endpoint(make_answerer, answering_options);
  auto answerer = co_await std::move(answering);
  DatagramOptions asking_options;
  asking_options.remote = DatagramAddress("127.0.0.1", answerer.transport->sockname().port());
  auto asking = stage.loop().create_datagram_endpoint(make_asker, asking_options);
  auto asker = co_await std::move(asking);
  const auto is_lost = [&] { return count->ends_lost + asking_count->ends_lost > 0; };
  std::size_t expected = 0;
  for (std::size_t question = 0; question < kQuestions; ++question) {
    std::size_t refused_before = 0;
    do {  // a question that was refused is asked again
      refused_before = asking_count->refused;
      asker.transport->sendto("question");
    } while (asking_count->refused > refused_before && !is_lost());
    expected += kBurst;
    while (asking_count->arrived + count->refused < expected && !is_lost()) {
      auto change = stage.change();
      co_await change;
    }
  }
  answerer.transport->close();
  asker.transport->close();
  while (count->ends_lost + asking_count->ends_lost < 2) {
    auto change = stage.change();
    co_await change;
  }
  if (asking_count->arrived + count->refused < expected) throw CutShort("not all datagrams came");
}

}  // namespace tidegate::faults
