// A fast writer and a reader that often pauses.
#include <tidegate/chunk.hpp>
#include <tidegate/transport.hpp>

#include "demo/scenarios.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <sys/socket.h>

namespace tidegate::cli::demo {

namespace {

constexpr std::uint64_t kTotalBytes = 64u * 1024 * 1024;
constexpr std::uint64_t kReadBetweenPausesBytes = 512u * 1024;
constexpr std::chrono::milliseconds kReaderPause{1};
// Odd lengths, so that pieces and buffers do not end at the same places.
constexpr std::array<std::size_t, 5> kPieceBytes{32'768, 1, 16'384, 40'961, 7};
constexpr std::size_t kReaderBufferBytes = 65'536;
// Little room in the kernel: what the reader does not take is the writer's to hold.
constexpr int kKernelBufferBytes = 128 * 1024;

const Pattern kPattern(4242);

/// Writes as long as it may, in every way there is to write; keeps an eye on what that costs in memory.
class FastWriter final : public Protocol {
 public:
  explicit FastWriter(std::shared_ptr<Stage> stage) : stage_(std::move(stage)) {}

  void connection_made(TransportRef transport) override {
    transport_ = std::move(transport);
    transport_->socket().set_option(SOL_SOCKET, SO_SNDBUF, kKernelBufferBytes);
    high_bytes_ = transport_->get_write_buffer_limits().high;
    write_on();
  }

  void pause_writing() override {
    is_paused_ = true;
    ++stage_->report().pauses;
  }

  void resume_writing() override {
    is_paused_ = false;
    ++stage_->report().resumes;
    write_on();
  }

  void connection_lost(const Error&) override {
    if (stage_->has_failed()) return;
    if (written_bytes_ < kTotalBytes)
      stage_->fail(fmt::format("only {} bytes could be written", written_bytes_));
    if (owner_.use_count() != 1) stage_->fail("the transport kept memory that it had been handed");
  }

 private:
  void write_on() {
    while (!is_paused_ && written_bytes_ < kTotalBytes && !transport_->is_closing()) write_piece();
    if (written_bytes_ == kTotalBytes && !is_paused_) end();
  }

  void end() {
    if (transport_->can_write_eof()) {
      transport_->write_eof();
    } else {
      transport_->close();
    }
  }

  void write_piece() {
    const std::size_t length = kPieceBytes[pieces_ % kPieceBytes.size()];
    const auto size_bytes =
        static_cast<std::size_t>(std::min<std::uint64_t>(length, kTotalBytes - written_bytes_));
    const BytesView piece = kPattern.piece(written_bytes_, size_bytes);
    // Before the write: it may call pause_writing.
    written_bytes_ += size_bytes;
    write_in_turn(piece);
    ++pieces_;
    check_memory(size_bytes);
  }

  void write_in_turn(BytesView piece) {
    switch (pieces_ % 3) {
      case 0:
        transport_->write(piece);
        break;
      case 1:
        transport_->write(Chunk(piece, owner_));
        break;
      default:
        const std::array<BytesView, 3> pieces{piece.first(piece.size() / 3), BytesView(),
                                              piece.drop(piece.size() / 3)};
        transport_->writelines(pieces);
    }
  }

  void check_memory(std::size_t last_write_bytes) {
    const std::size_t buffered = transport_->get_write_buffer_size();
    std::size_t& peak = stage_->report().peak_write_buffer_bytes;
    peak = std::max(peak, buffered);
    if (buffered <= high_bytes_ + last_write_bytes) return;
    stage_->fail(
        fmt::format("{} bytes in the write buffer: more than the high-water mark of {} and one write of {}",
                    buffered, high_bytes_, last_write_bytes));
  }

  std::shared_ptr<Stage> stage_;
  TransportRef transport_;
  std::size_t high_bytes_ = 0;
  bool is_paused_ = false;
  std::uint64_t written_bytes_ = 0;
  std::size_t pieces_ = 0;
  // What is handed over is shared with this, to see whether it is let go of.
  std::shared_ptr<const void> owner_ = std::make_shared<int>(0);
};

/// Takes what comes straight into its own memory, and often does not want any.
class SlowReader final : public BufferedProtocol {
 public:
  explicit SlowReader(std::shared_ptr<Stage> stage) : stage_(std::move(stage)), buffer_(kReaderBufferBytes) {}

  void connection_made(TransportRef transport) override {
    transport_ = std::move(transport);
    transport_->socket().set_option(SOL_SOCKET, SO_RCVBUF, kKernelBufferBytes);
  }

  MutableBytesView get_buffer(std::ptrdiff_t) override { return buffer_; }

  void buffer_updated(std::size_t size_bytes) override {
    stage_->check_bytes("reader", kPattern, read_bytes_, BytesView(buffer_).first(size_bytes));
    read_bytes_ += size_bytes;
    stage_->show_progress(static_cast<double>(read_bytes_) / kTotalBytes);
    if (read_bytes_ >= next_pause_bytes_) pause();
  }

  bool eof_received() override {
    if (read_bytes_ != kTotalBytes)
      stage_->fail(fmt::format("{} of {} bytes arrived", read_bytes_, kTotalBytes));
    stage_->report().bulk_bytes = read_bytes_;
    return false;
  }

 private:
  void pause() {
    next_pause_bytes_ = read_bytes_ + kReadBetweenPausesBytes;
    transport_->pause_reading();
    transport_->loop().call_later(kReaderPause, [transport = transport_] { transport->resume_reading(); });
  }

  std::shared_ptr<Stage> stage_;
  std::vector<std::byte> buffer_;
  TransportRef transport_;
  std::uint64_t read_bytes_ = 0;
  std::uint64_t next_pause_bytes_ = kReadBetweenPausesBytes;
};

}  // namespace

Task<> send_bulk(std::shared_ptr<Stage> stage) {
  Stage::ServerFactory readers([stage] { return std::make_shared<SlowReader>(stage); });
  co_await stage->listen(std::move(readers));

  const TimePoint begin = get_running_loop().time();
  co_await stage->connect(std::make_shared<FastWriter>(stage));
  co_await stage->all_ended();
  TransportReport& report = stage->report();
  report.bulk_time = get_running_loop().time() - begin;

  if (stage->has_failed()) co_return;
  if (report.bulk_bytes != kTotalBytes) stage->fail("the reader was not told of the end");
  if (report.pauses == 0) stage->fail("the writer was never paused");
  if (report.pauses != report.resumes) {
    stage->fail(
        fmt::format("the writer was paused {} times and resumed {} times", report.pauses, report.resumes));
  }
}

}  // namespace tidegate::cli::demo
