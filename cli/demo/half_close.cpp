// A client that has said all half-closes; the answer comes after that.
#include <tidegate/transport.hpp>

#include "demo/scenarios.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>

#include <fmt/format.h>

namespace tidegate::cli::demo {

namespace {

// More than one write buffer and less than two kernels': the ends come while bytes are still under way.
constexpr std::uint64_t kQuestionBytes = 300'000;
constexpr std::uint64_t kAnswerBytes = 500'000;

const Pattern kQuestion(1);
const Pattern kAnswer(2);

/// Without regard to flow control: what is written here is little.
void write_all(Transport& transport, const Pattern& pattern, std::uint64_t size_bytes) {
  for (std::uint64_t position = 0; position < size_bytes;) {
    const BytesView piece = pattern.piece(position, Pattern::kLongestPieceBytes);
    const BytesView rest = piece.first(static_cast<std::size_t>(size_bytes - position));
    transport.write(rest);
    position += rest.size();
  }
}

/// Asks, says that this was all, and listens.
class Asker final : public Protocol {
 public:
  explicit Asker(std::shared_ptr<Stage> stage) : stage_(std::move(stage)) {}

  void connection_made(TransportRef transport) override {
    if (!transport->can_write_eof()) return stage_->fail("the transport can not half-close");
    write_all(*transport, kQuestion, kQuestionBytes);
    transport->write_eof();
  }

  void data_received(BytesView data) override {
    stage_->check_bytes("client", kAnswer, read_bytes_, data);
    read_bytes_ += data.size();
    stage_->show_progress(static_cast<double>(read_bytes_) / kAnswerBytes);
  }

  bool eof_received() override {
    was_told_of_eof_ = true;
    return false;
  }

  void connection_lost(const Error&) override {
    if (stage_->has_failed()) return;
    if (!was_told_of_eof_) stage_->fail("the client was not told of the end of the answer");
    if (read_bytes_ == kAnswerBytes) return;
    stage_->fail(fmt::format("the client got {} of {} bytes of the answer", read_bytes_, kAnswerBytes));
  }

 private:
  std::shared_ptr<Stage> stage_;
  std::uint64_t read_bytes_ = 0;
  bool was_told_of_eof_ = false;
};

/// Answers once the question is complete.
class Answerer final : public Protocol {
 public:
  explicit Answerer(std::shared_ptr<Stage> stage) : stage_(std::move(stage)) {}

  void connection_made(TransportRef transport) override { transport_ = std::move(transport); }

  void data_received(BytesView data) override {
    stage_->check_bytes("server", kQuestion, read_bytes_, data);
    read_bytes_ += data.size();
  }

  bool eof_received() override {
    if (read_bytes_ != kQuestionBytes) {
      stage_->fail(fmt::format("the server got {} of {} bytes of the question", read_bytes_, kQuestionBytes));
    }
    // Only later: the transport must stay open although nothing is buffered now.
    transport_->loop().call_soon([stage = stage_, transport = transport_] {
      if (transport->is_closing() && !stage->has_failed())
        stage->fail("eof_received said true, but the transport closed");
      write_all(*transport, kAnswer, kAnswerBytes);
      transport->close();
    });
    return true;
  }

  void connection_lost(const Error&) override {
    if (read_bytes_ != kQuestionBytes && !stage_->has_failed()) stage_->fail("the server was lost too early");
  }

 private:
  std::shared_ptr<Stage> stage_;
  TransportRef transport_;
  std::uint64_t read_bytes_ = 0;
};

}  // namespace

Task<> half_close(std::shared_ptr<Stage> stage) {
  Stage::ServerFactory answerers([stage] { return std::make_shared<Answerer>(stage); });
  co_await stage->listen(std::move(answerers));
  co_await stage->connect(std::make_shared<Asker>(stage));
  co_await stage->all_ended();
}

}  // namespace tidegate::cli::demo
