// See talk_to_child.hpp.
#include "demo/talk_to_child.hpp"

#include <tidegate/error.hpp>
#include <tidegate/loop.hpp>
#include <tidegate/subprocess.hpp>
#include <tidegate/timeout.hpp>

#include "pattern.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace tidegate::cli::demo {

namespace {

constexpr std::uint64_t kMessages = 5'000;
constexpr std::size_t kMessageBytes = 512;
constexpr std::uint64_t kBulkBytes = std::uint64_t{64} << 20U;
constexpr std::size_t kPieceBytes = 60'000;
constexpr std::chrono::seconds kLongest{60};  // far more than it takes

/// Sends one message at a time, then bulk, and compares what comes back; then closes the child's input.
class Talk final : public SubprocessProtocol {
 public:
  Talk(std::shared_ptr<TransportReport> report, std::shared_ptr<ProgressLine> progress, Future<> over)
      : report_(std::move(report)), progress_(std::move(progress)), over_(std::move(over)), pattern_(1) {}

  void connection_made(SubprocessTransportRef transport) override {
    transport_ = std::move(transport);
    input_ = transport_->get_pipe_transport(0);
    begin_ = get_running_loop().time();
    send_message();
  }

  void pipe_data_received(int fd, BytesView data) override {
    if (fd != 1) return fail("the child complained: " + data.to_string());
    if (const auto wrong = pattern_.first_mismatch(received_, data))
      return fail(fmt::format("a wrong byte came back at position {}", *wrong));
    received_ += data.size();
    report_->bytes += data.size();
    if (received_ > sent_) return fail("more came back than was sent");
    if (report_->messages < kMessages) {
      if (received_ == sent_) message_is_back();
    } else if (report_->bulk_time == Seconds{}) {
      bulk_came_back();
    }
  }

  void pause_writing() override {
    ++report_->pauses;
    paused_ = true;
  }

  void resume_writing() override {
    ++report_->resumes;
    paused_ = false;
    write_bulk();
  }

  void pipe_connection_lost(int fd, const Error& reason) override {
    if (reason) fail(fmt::format("pipe {} ended with {}", fd, reason.message()));
    ++ended_pipes_;
  }

  void process_exited() override {
    ++exits_;
    if (transport_->get_returncode() != 0)
      fail(fmt::format("the child ended with {}", transport_->get_returncode().value_or(-1)));
  }

  void connection_lost(const Error&) override {
    constexpr int kPipes = 3;
    if (ended_pipes_ != kPipes || exits_ != 1)
      note(fmt::format("connection_lost after the end of {} pipes and {} exits", ended_pipes_, exits_));
    if (received_ != kMessages * kMessageBytes + kBulkBytes) note("some bytes did not come back");
    if (!over_.done()) over_.set_result();
  }

 private:
  void send_message() {
    const BytesView message = pattern_.piece(sent_, kMessageBytes);
    sent_ += message.size();
    input_->write(message);
  }

  void message_is_back() {
    ++report_->messages;
    show(static_cast<double>(report_->messages) / kMessages / 2);
    if (report_->messages < kMessages) return send_message();
    const TimePoint now = get_running_loop().time();
    report_->messages_time = now - std::exchange(begin_, now);
    write_bulk();
  }

  /// As much as nobody objects to.
  void write_bulk() {
    constexpr std::uint64_t kAll = kMessages * kMessageBytes + kBulkBytes;
    while (!paused_ && sent_ < kAll && !input_->is_closing()) {
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(kPieceBytes, kAll - sent_));
      const BytesView piece = pattern_.piece(sent_, size);
      sent_ += size;  // before the write, which may pause
      input_->write(piece);
      const std::size_t buffered = input_->get_write_buffer_size();
      report_->peak_write_buffer_bytes = std::max(report_->peak_write_buffer_bytes, buffered);
      if (buffered > input_->get_write_buffer_limits().high + size)
        return fail(fmt::format("{} bytes in the write buffer: more than its mark and one write", buffered));
    }
    if (sent_ == kAll) input_->write_eof();
  }

  void bulk_came_back() {
    const std::uint64_t bulk = received_ - kMessages * kMessageBytes;
    report_->bulk_bytes = bulk;
    show(0.5 + static_cast<double>(bulk) / kBulkBytes / 2);
    if (bulk == kBulkBytes) report_->bulk_time = get_running_loop().time() - begin_;
  }

  void show(double done) { progress_->show(kChildTransport, "messages and bulk", done); }
  void note(std::string problem) { report_->note(std::move(problem)); }
  void fail(std::string problem) {
    note(std::move(problem));
    transport_->close();
  }

  std::shared_ptr<TransportReport> report_;
  std::shared_ptr<ProgressLine> progress_;
  Future<> over_;
  Pattern pattern_;
  SubprocessTransportRef transport_;
  TransportRef input_;
  TimePoint begin_;
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
  bool paused_ = false;
  int ended_pipes_ = 0;
  int exits_ = 0;
};

}  // namespace

Task<> talk_to_child(std::shared_ptr<TransportReport> report, std::shared_ptr<ProgressLine> progress) {
  Loop& loop = get_running_loop();
  report->transport = kChildTransport;
  auto over = loop.create_future();
  const auto make_protocol = [&] { return std::make_shared<Talk>(report, progress, over); };
  SubprocessTransportRef transport;
  // However this ends, no child is left: where it ended by itself this does nothing.
  struct CloseAtTheEnd {
    SubprocessTransportRef& transport;
    ~CloseAtTheEnd() {
      if (transport) transport->close();
    }
  } const guard{transport};
  std::string problem;
  try {
    auto starting = loop.subprocess_exec(make_protocol, "cat");
    auto connection = co_await std::move(starting);
    transport = connection.transport;
    auto waiting = wait_for(over, kLongest);
    co_await std::move(waiting);
  } catch (const std::exception& error) {
    problem = error.what();
  }
  if (!problem.empty()) report->note(std::move(problem));
}

}  // namespace tidegate::cli::demo
