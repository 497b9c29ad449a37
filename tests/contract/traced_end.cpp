// The protocols of a traced end, and its grammar: see traced_end.hpp.
#include "contract/traced_end.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include <gtest/gtest.h>

namespace tidegate::contract {

namespace {

class TracingProtocol final : public Protocol {
 public:
  TracingProtocol(TracedEnd& end, int number) : end_(end), number_(number) {}
  ~TracingProtocol() override { end_.protocol_gone(); }
  void connection_made(TransportRef transport) override {
    end_.connection_made(number_, std::move(transport));
  }
  void data_received(BytesView data) override { end_.data_received(number_, data); }
  bool eof_received() override { return end_.eof_received(number_); }
  void connection_lost(const Error& reason) override { end_.connection_lost(number_, reason); }
  void pause_writing() override { end_.pause_writing(number_); }
  void resume_writing() override { end_.resume_writing(number_); }

 private:
  TracedEnd& end_;  // Lifetime: the rig's
  int number_;
};

class TracingBufferedProtocol final : public BufferedProtocol {
 public:
  TracingBufferedProtocol(TracedEnd& end, int number)
      : end_(end), number_(number), memory_(end.buffer_size_bytes, kUntouched) {}
  ~TracingBufferedProtocol() override {
    check_untouched("before the protocol went");
    end_.protocol_gone();
  }
  void connection_made(TransportRef transport) override {
    end_.connection_made(number_, std::move(transport));
  }
  MutableBytesView get_buffer(std::ptrdiff_t size_hint_bytes) override {
    check_untouched("before get_buffer");
    offered_ = end_.get_buffer(number_, size_hint_bytes, MutableBytesView(memory_));
    return offered_;
  }
  void buffer_updated(std::size_t size_bytes) override {
    const MutableBytesView offered = std::exchange(offered_, MutableBytesView());
    struct Restore {
      std::vector<char>& memory;
      std::size_t used;
      ~Restore() { std::fill_n(memory.begin(), used, kUntouched); }
    };
    // Also where the hook throws: from now on nobody may write there.
    const Restore restore{memory_,
                          offered.data() == memory().data() ? std::min(size_bytes, memory_.size()) : 0};
    end_.buffer_updated(number_, offered, size_bytes);
  }
  bool eof_received() override { return end_.eof_received(number_); }
  void connection_lost(const Error& reason) override { end_.connection_lost(number_, reason); }
  void pause_writing() override { end_.pause_writing(number_); }
  void resume_writing() override { end_.resume_writing(number_); }

 private:
  static constexpr char kUntouched = '\xDD';

  [[nodiscard]] MutableBytesView memory() { return MutableBytesView(memory_); }
  void check_untouched(const char* when) {
    // The first is, and each is like the one before it: at once also where tests are not optimised.
    const bool untouched =
        memory_.empty() || (memory_.front() == kUntouched &&
                            std::memcmp(memory_.data(), memory_.data() + 1, memory_.size() - 1) == 0);
    if (!untouched)
      end_.violation(std::string("the buffer was written to outside of its time, seen ") + when);
  }

  TracedEnd& end_;  // Lifetime: the rig's
  int number_;
  std::vector<char> memory_;
  MutableBytesView offered_;
};

}  // namespace

/// One callback, from its beginning to its end.
class TracedEnd::Called {
 public:
  enum class Nesting { alone, inside_write };

  Called(TracedEnd& end, int protocol, std::string line, Nesting nesting = Nesting::alone) : end_(end) {
    end.note("#" + std::to_string(protocol) + " " + std::move(line));
    end.last_called_ = protocol;
    if (end.lost_count > 0) end.violation("called after connection_lost");
    if (end.made_count == 0) end.violation("called before connection_made");
    if (protocol != end.present_) {
      end.violation("called on a protocol that is not the present one, #" + std::to_string(end.present_) +
                    " (L8)");
    }
    if (nesting == Nesting::alone) {
      if (end.stage_.running_callbacks > 0) end.violation("called while another callback was running");
      if (!end.stage_.loop->is_running()) end.violation("called while the loop was not running");
    }
    end.check_state();
    ++end.stage_.running_callbacks;
  }
  Called(const Called&) = delete;
  Called& operator=(const Called&) = delete;
  ~Called() {
    --end_.stage_.running_callbacks;
    end_.check_state();
    if (end_.stage_.after_callback) end_.stage_.after_callback();
  }

 private:
  TracedEnd& end_;
};

// --- what was called -----------------------------------------------------------------------------

std::string TracedEnd::trace() const {
  std::string text = "--- " + name_ + " ---\n";
  for (const std::string& line : lines_) text += line + "\n";
  return text;
}

void TracedEnd::note(std::string line) {
  constexpr std::size_t kLinesKept = 200;
  lines_.push_back(std::move(line));
  if (lines_.size() > kLinesKept) lines_.pop_front();
}

void TracedEnd::violation(const std::string& what) {
  constexpr int kReported = 3;
  note("*** " + what);
  if (++violations_ <= kReported) ADD_FAILURE() << name_ << ": " << what << "\n" << trace();
}

/// What holds at any time (R2, L6, F6).
void TracedEnd::check_state() {
  if (observed_ == nullptr) return;
  if (closed_ && !observed_->is_closing()) violation("is_closing() became false again");
  if (observed_->is_reading() != (!observed_->is_closing() && !reading_paused_))
    violation("is_reading() is wrong");
  largest_write_buffer = std::max(largest_write_buffer, observed_->get_write_buffer_size());
}

void TracedEnd::connection_made(int protocol, TransportRef transport) {
  transport_ = std::move(transport);
  observed_ = transport_.get();
  if (++made_count > 1) violation("connection_made was called again");
  const Called called(*this, protocol, "connection_made");
  if (auto hook = on.connection_made) hook();
}

void TracedEnd::data_received(int protocol, BytesView data) {
  const Called called(*this, protocol, "data_received(" + std::to_string(data.size()) + ")");
  ++data_count;
  if (data.empty()) violation("data_received with nothing (R1)");
  if (reading_paused_) violation("data_received while paused (R2)");
  if (closed_) violation("data_received after close or abort (L4)");
  if (eof_count > 0) violation("data_received after eof_received (R3)");
  if (keeps_received) received += data.text();
  received_size += data.size();
  if (auto hook = on.data_received) hook(data);
  if (auto hook = on.bytes_received) hook(data);
  if (auto hook = on.some_received) hook();
}

MutableBytesView TracedEnd::get_buffer(int protocol, std::ptrdiff_t size_hint_bytes, MutableBytesView own) {
  const Called called(*this, protocol, "get_buffer(" + std::to_string(size_hint_bytes) + ")");
  ++get_buffer_count;
  if (reading_paused_) violation("get_buffer while paused (R2)");
  if (closed_) violation("get_buffer after close or abort (L4)");
  if (eof_count > 0) violation("get_buffer after eof_received (R4)");
  if (size_hint_bytes < -1 || size_hint_bytes == 0) violation("a size hint is -1 or positive (R4)");
  if (auto hook = on.get_buffer) return hook(size_hint_bytes);
  return own;
}

void TracedEnd::buffer_updated(int protocol, MutableBytesView memory, std::size_t size_bytes) {
  const Called called(*this, protocol, "buffer_updated(" + std::to_string(size_bytes) + ")");
  ++updated_count;
  if (memory.empty()) violation("buffer_updated without get_buffer on this protocol (R4)");
  if (size_bytes == 0 || size_bytes > memory.size()) violation("buffer_updated is out of its bounds (R4)");
  if (closed_) violation("buffer_updated after close or abort (L4)");
  if (eof_count > 0) violation("buffer_updated after eof_received (R4)");
  if (keeps_received) received += BytesView(memory).first(size_bytes).text();
  received_size += size_bytes;
  if (auto hook = on.buffer_updated) hook(size_bytes);
  if (auto hook = on.bytes_received) hook(BytesView(memory).first(size_bytes));
  if (auto hook = on.some_received) hook();
}

bool TracedEnd::eof_received(int protocol) {
  const Called called(*this, protocol, "eof_received");
  if (++eof_count > 1) violation("eof_received again (R3)");
  if (reading_paused_) violation("eof_received while paused (R2)");
  if (closed_) violation("eof_received after close or abort (L4)");
  if (auto hook = on.eof_received) return hook();
  return keep_open_after_eof;
}

void TracedEnd::connection_lost(int protocol, const Error& error) {
  const Called called(*this, protocol, "connection_lost(" + error.message() + ")");
  ++lost_count;
  reason = error;
  // The transport may go when this has returned.
  Transport& still_there = *std::exchange(observed_, nullptr);
  if (!still_there.is_closing()) violation("not closing in connection_lost (L6)");
  if (auto hook = on.connection_lost) hook(error);
}

void TracedEnd::pause_writing(int protocol) {
  const Called called(*this, protocol, "pause_writing", Called::Nesting::inside_write);
  ++pause_count;
  if (std::exchange(writing_paused, true)) violation("pause_writing twice in a row (F1)");
  const std::size_t size = observed_->get_write_buffer_size();
  if (size <= observed_->get_write_buffer_limits().high) violation("paused at or under the high mark (F1)");
  if (auto hook = on.pause_writing) hook();
}

void TracedEnd::resume_writing(int protocol) {
  const Called called(*this, protocol, "resume_writing");
  ++resume_count;
  if (!std::exchange(writing_paused, false)) violation("resume_writing without pause_writing (F1)");
  if (observed_->get_write_buffer_size() > observed_->get_write_buffer_limits().low) {
    violation("resumed over the low mark (F1)");
  }
  if (auto hook = on.resume_writing) hook();
}

// --- protocols -----------------------------------------------------------------------------------

std::shared_ptr<BaseProtocol> TracedEnd::make_protocol(Receiver receiver) {
  const int number = ++protocols_made_;
  ++protocols_alive_;
  if (receiver == Receiver::plain) return std::make_shared<TracingProtocol>(*this, number);
  return std::make_shared<TracingBufferedProtocol>(*this, number);
}

std::shared_ptr<BaseProtocol> TracedEnd::switch_protocol(Receiver receiver) {
  auto fresh = make_protocol(receiver);
  note(std::string("> set_protocol(") + (receiver == Receiver::plain ? "plain" : "buffered") + ")");
  if (lost_count == 0) present_ = protocols_made_;
  transport().set_protocol(fresh);
  return fresh;
}

// --- the transport -------------------------------------------------------------------------------

Transport& TracedEnd::transport() const {
  if (!transport_) throw std::logic_error(name_ + ": no transport\n" + trace());
  return *transport_;
}

void TracedEnd::upgraded(TransportRef transport) {
  note("upgraded");
  transport_ = std::move(transport);
  if (observed_ != nullptr) observed_ = transport_.get();
}

void TracedEnd::drop() {
  note("> drop");
  transport_.reset();
}

/// A callback inside the write may have dropped the transport.
void TracedEnd::wrote() {
  if (transport_) note(">   buffered " + std::to_string(buffered()));
  check_state();
}

void TracedEnd::write(BytesView data) {
  note("> write(" + std::to_string(data.size()) + ")");
  transport().write(data);
  wrote();
}

void TracedEnd::write(Chunk chunk) {
  note("> write(chunk of " + std::to_string(chunk.size()) + ")");
  transport().write(std::move(chunk));
  wrote();
}

void TracedEnd::writelines(std::span<const BytesView> pieces) {
  note("> writelines(" + std::to_string(pieces.size()) + " pieces)");
  transport().writelines(pieces);
  wrote();
}

void TracedEnd::writelines(std::vector<Chunk> chunks) {
  note("> writelines(" + std::to_string(chunks.size()) + " chunks)");
  transport().writelines(std::move(chunks));
  wrote();
}

void TracedEnd::write_eof() {
  note("> write_eof");
  transport().write_eof();
  check_state();
}

void TracedEnd::close() {
  note("> close");
  closed_ = true;
  transport().close();
  check_state();
}

void TracedEnd::abort() {
  note("> abort");
  closed_ = true;
  transport().abort();
  check_state();
}

void TracedEnd::pause_reading() {
  note("> pause_reading");
  if (!transport().is_closing()) reading_paused_ = true;
  transport().pause_reading();
  check_state();
}

void TracedEnd::resume_reading() {
  note("> resume_reading");
  if (!transport().is_closing()) reading_paused_ = false;
  transport().resume_reading();
  check_state();
}

void TracedEnd::set_limits(const WriteBufferLimitOptions& limits) {
  const auto text = [](const std::optional<std::size_t>& mark) { return mark ? std::to_string(*mark) : "-"; };
  note("> set_write_buffer_limits(high " + text(limits.high) + ", low " + text(limits.low) + ")");
  transport().set_write_buffer_limits(limits);
  check_state();
}

// --- bytes ---------------------------------------------------------------------------------------

namespace {

/// A prime, so that no power of two divides the sequence: bytes that are lost or doubled anywhere show.
constexpr std::size_t kPeriod = 65521;

const std::string& period_twice() {
  static const std::string table = [] {
    std::string once(kPeriod, '\0');
    std::uint32_t state = 12345;
    for (char& byte : once) {
      state = state * 1664525U + 1013904223U;
      byte = static_cast<char>(state >> 24U);
    }
    return once + once;
  }();
  return table;
}

}  // namespace

std::string pattern(std::size_t size_bytes, std::size_t offset) {
  std::string bytes;
  bytes.reserve(size_bytes);
  while (bytes.size() < size_bytes) {
    const std::size_t place = (offset + bytes.size()) % kPeriod;
    bytes.append(period_twice(), place, std::min(kPeriod, size_bytes - bytes.size()));
  }
  return bytes;
}

::testing::AssertionResult is_pattern(BytesView bytes, std::size_t offset) {
  for (std::size_t done = 0; done < bytes.size();) {
    const char* expected = period_twice().data() + (offset + done) % kPeriod;
    const std::size_t size = std::min(kPeriod, bytes.size() - done);
    if (std::memcmp(bytes.data() + done, expected, size) != 0) {
      while (bytes.text()[done] == *expected) ++done, ++expected;
      return ::testing::AssertionFailure() << "byte " << done << " of " << bytes.size() << " is wrong";
    }
    done += size;
  }
  return ::testing::AssertionSuccess();
}

}  // namespace tidegate::contract
