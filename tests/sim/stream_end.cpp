// See stream_end.hpp.
#include "sim/stream_end.hpp"

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace tidegate::workload {

namespace {

/// Passes everything on to its end.
template <typename Kind>
class Part : public Kind {
 public:
  explicit Part(StreamEnd& end) : end_(end) {}
  void connection_made(TransportRef transport) final { end_.connection_made(std::move(transport)); }
  bool eof_received() final { return end_.eof_received(); }
  void pause_writing() final { end_.pause_writing(); }
  void resume_writing() final { end_.resume_writing(); }
  void connection_lost(const Error& reason) final { end_.connection_lost(reason); }

 protected:
  StreamEnd& end_;  // Lifetime: the stage's, which outlives the loop
};

class PlainPart final : public Part<Protocol> {
 public:
  using Part::Part;
  void data_received(BytesView data) override { end_.received(data, true); }
};

class BufferedPart final : public Part<BufferedProtocol> {
 public:
  using Part::Part;
  MutableBytesView get_buffer(std::ptrdiff_t) override {
    memory_.resize(end_.buffer_size_bytes());
    return MutableBytesView(memory_);
  }
  void buffer_updated(std::size_t size_bytes) override {
    end_.received(BytesView(memory_).first(size_bytes), false);
  }

 private:
  std::vector<char> memory_;
};

}  // namespace

// --- protocols -------------------------------------------------------------------------------------

std::shared_ptr<BaseProtocol> StreamEnd::make_first_protocol() {
  if (stage_.random.chance(30)) return stage_.checker.wrap(std::make_shared<BufferedPart>(*this));
  return stage_.checker.wrap(std::make_shared<PlainPart>(*this));
}

void StreamEnd::swap_protocol() {
  const std::shared_ptr<BaseProtocol> present = transport_->get_protocol();
  if (present == nullptr) return;
  note("set_protocol");
  transport_->set_protocol(make_next_protocol(present));
}

std::shared_ptr<BaseProtocol> StreamEnd::make_next_protocol(const std::shared_ptr<BaseProtocol>& present) {
  if (stage_.random.chance(50))
    return ContractChecker::wrap_next(present, std::make_shared<BufferedPart>(*this));
  return ContractChecker::wrap_next(present, std::make_shared<PlainPart>(*this));
}

void StreamEnd::upgraded(TransportRef secured) {
  transport_ = lost_ ? TransportRef() : std::move(secured);
  if (!transport_) return;
  ++layers_;
  reading_paused_ = false;
  ContractChecker::look_at(transport_->get_protocol(), transport_);
  check_state();
}

// --- what is called --------------------------------------------------------------------------------

void StreamEnd::connection_made(TransportRef transport) {
  transport_ = std::move(transport);
  made_ = true;
  const bool is_pipe = transport_->get_extra_info("pipe").has_value();
  reads_ = !is_pipe || transport_->is_reading();
  writes_ = !is_pipe || !reads_;
  note("connection_made");
  act_again_and_again(stage_.mood.acts);
  act_in_callback();
}

void StreamEnd::received(BytesView data, bool is_lent) {
  note("received", data.size());
  if (upgrade_.is_under_way()) return fault("received something before start_tls has returned (T6)");
  check_state();
  BytesView rest = upgrade_.in_the_clear(data, peer_ == nullptr ? 0 : peer_->unheard_bytes());
  if (peer_ == nullptr) {
    const std::size_t missing = Flow::kNameBytes - name_of_peer_.size();
    name_of_peer_ += rest.first(missing).text();
    rest = rest.drop(missing);
    if (name_of_peer_.size() == Flow::kNameBytes) {
      const unsigned writer = Flow::writer_of(name_of_peer_);
      if (writer == 0 || writer > stage_.streams.size()) return fault("received bytes that nobody wrote");
      peer_ = stage_.streams[writer - 1].get();
      if (!peer_->outgoing_.arrived(BytesView(name_of_peer_)))
        return fault("received a name that nobody wrote");
    }
  }
  if (!rest.empty() && !peer_->outgoing_.arrived(rest))
    return fault(fmt::format("received other bytes than end {} wrote, among those before {}", peer_->number_,
                             peer_->outgoing_.received_bytes()));
  if (is_lent && stage_.random.chance(stage_.mood.acting)) echo(data);
  act_in_callback();
  if (peer_ != nullptr && peer_->unheard_bytes() == 0) upgrade_.clear_part_is_over();
}

std::size_t StreamEnd::buffer_size_bytes() {
  note("get_buffer");
  if (stage_.random.chance(5)) act_in_callback();
  return 1 + stage_.some_size(60'000);
}

bool StreamEnd::eof_received() {
  note("eof_received");
  saw_eof_ = true;
  check_state();
  if (files_.is_under_way()) fault("eof_received while a file is being sent");
  act_in_callback();
  const bool keeps_open = !is_secured() && writes_ && stage_.random.chance(50);
  if (!keeps_open) return false;
  const auto close_at_last = [this] { close(); };
  stage_.loop.call_later(stage_.some_time(std::chrono::seconds(5)), close_at_last);
  return true;
}

void StreamEnd::pause_writing() {
  note("pause_writing", buffered_bytes());
  writing_paused_ = true;
  act_in_callback();
}

void StreamEnd::resume_writing() {
  note("resume_writing", buffered_bytes());
  writing_paused_ = false;
  check_state();
  act_in_callback();
}

void StreamEnd::connection_lost(const Error& reason) {
  note("connection_lost", static_cast<std::size_t>(reason.code().value()));
  check_state();
  lost_ = true;
  upgrade_.connection_lost(reason);
  ended_in_order_ = !reason && !aborted_ && !connecting_;
  // What is left of it may be called for ever.
  if (stage_.random.chance(50)) {
    transport_.reset();
  } else {
    act_in_callback();
  }
}

// --- what it does ----------------------------------------------------------------------------------

void StreamEnd::act() {
  if (transport_ && !upgrade_.is_under_way() && !stage_.is_finale) act_once();
}

void StreamEnd::act_in_callback() {
  if (stage_.is_finale || !transport_) return;
  const Mood& mood = stage_.mood;
  while (transport_ && !upgrade_.is_under_way() && stage_.random.chance(mood.acting)) act_once();
  if (upgrade_.is_under_way() || !stage_.random.chance(mood.throwing)) return;
  note("throw");
  upgrade_.may_fail();
  throw Mischief();
}

void StreamEnd::act_once() {
  files_.check_memory(highest_mark_);
  const Mood& mood = stage_.mood;
  Random& random = stage_.random;
  if (random.chance(mood.ending)) {
    switch (random.below(3)) {
      case 0:
        return close();
      case 1:
        return abort();
      default:
        return write_eof();
    }
  }
  if (random.chance(mood.pausing)) return random.chance(30) ? resume_reading() : pause_reading();
  if (random.chance(mood.swapping)) return swap_protocol();
  switch (random.below(14)) {
    case 0:
      return set_limits();
    case 1:
      return set_bad_limits();
    case 2:
    case 3:
      return act_later();
    case 4:
      if (writes_) files_.begin();
      return;
    case 5:
      return files_.meddle();
    default:
      // The more of them there is to be written, the less polite.
      if (!writing_paused_ || random.chance(20)) write();
  }
}

void StreamEnd::act_again_and_again(std::size_t times) {
  if (times == 0 || lost_) return;
  const auto act_and_go_on = [this, times] {
    act();
    act_again_and_again(times - 1);
  };
  stage_.loop.call_later(stage_.some_time(stage_.mood.pace), act_and_go_on);
}

void StreamEnd::act_later() {
  const auto act_then = [this] { act(); };
  if (stage_.random.chance(50)) {
    stage_.loop.call_soon(act_then);
  } else {
    stage_.loop.call_later(stage_.some_time(std::chrono::seconds(3)), act_then);
  }
}

void StreamEnd::write() {
  if (!writes_ || upgrade_.is_agreed() || files_.has_lost_count() || write_count_ >= stage_.mood.writes)
    return;
  write_bytes(1 + stage_.some_size(stage_.mood.largest_write_bytes));
}

void StreamEnd::write_bytes(std::size_t size_bytes) {
  if (eof_written_) return write_after_eof();
  if (files_.is_under_way()) return write_during_file();
  if (transport_->is_closing()) outgoing_.ends_here_or_later();
  const TransportRef kept = transport_;  // a callback from inside may let go of it
  const Held before{.buffered_bytes = kept->get_write_buffer_size(),
                    .high = kept->get_write_buffer_limits().high,
                    .paused = writing_paused_,
                    .writes = ++write_count_};
  std::string bytes = outgoing_.next(stage_.random, size_bytes);
  const std::size_t total = bytes.size();
  note("write", total);
  const std::size_t cut = stage_.random.below(total + 1);
  switch (stage_.random.below(4)) {
    case 0:
      kept->write(bytes);
      break;
    case 1:
      kept->write(stage_.random.chance(80) ? Chunk(std::move(bytes)) : chunk_that_acts(std::move(bytes)));
      break;
    case 2: {
      const std::vector<BytesView> pieces{BytesView(bytes).first(cut), BytesView(),
                                          BytesView(bytes).drop(cut)};
      kept->writelines(pieces);
      break;
    }
    default: {
      std::vector<Chunk> chunks;
      chunks.emplace_back(bytes.substr(0, cut));
      chunks.emplace_back(bytes.substr(cut));
      kept->writelines(std::move(chunks));
    }
  }
  std::fill(bytes.begin(), bytes.end(), 'X');  // it is ours again (W2)
  if (transport_) check_write(before, total);
}

/// What is held is what the marks allow and one write (F6); the marks before it, or those that were set
/// meanwhile.
void StreamEnd::check_write(const Held& before, std::size_t size_bytes) {
  check_state();
  // In the middle of another write, by what that releases, it may be over the mark and not told of it yet.
  if (before.paused || before.buffered_bytes > before.high || before.writes != write_count_) return;
  const std::size_t high = std::max(before.high, transport_->get_write_buffer_limits().high);
  const std::size_t wrapping = layers_ * (512 + (high + size_bytes) / 8);  // records of TLS
  const std::size_t held = transport_->get_write_buffer_size();
  if (held > high + size_bytes + wrapping)
    fault(fmt::format("holds {} bytes after a write of {}, while not paused (F6)", held, size_bytes));
}

/// One whose release is a moment to act as any other.
Chunk StreamEnd::chunk_that_acts(std::string bytes) {
  struct Owner {
    StreamEnd& end;
    std::string bytes;
  };
  auto* const owner = new Owner{*this, std::move(bytes)};
  return {BytesView(owner->bytes), owner, [](void* released) noexcept {
            const std::unique_ptr<Owner> owned(static_cast<Owner*>(released));
            owned->end.note("release");
            owned->end.act();
          }};
}

void StreamEnd::echo(BytesView data) {
  const bool is_silent = eof_written_ || upgrade_.is_agreed() || files_.is_under_way();
  const bool may_write = transport_ && writes_ && !is_silent && !transport_->is_closing();
  if (!may_write || !outgoing_.has_name() || write_count_ >= stage_.mood.writes) return;
  ++write_count_;
  const BytesView part = data.drop(stage_.random.below(data.size()));
  note("echo", part.size());
  outgoing_.add(part);
  transport_->write(part);
}

void StreamEnd::write_after_eof() {
  if (transport_->is_closing()) return;
  try {
    transport_->write("more");
  } catch (const InvalidStateError&) {
    return;
  }
  fault("a write after write_eof was taken (W5)");
}

/// Refused, in whichever form; where the connection is ending, the file is as well, and nobody can say yet
/// what of it has left.
void StreamEnd::write_during_file() {
  if (transport_->is_closing()) return;
  const std::size_t held = transport_->get_write_buffer_size();
  try {
    switch (stage_.random.below(3)) {
      case 0:
        transport_->write("in between");
        break;
      case 1:
        transport_->write(Chunk(std::string("in between")));
        break;
      default: {
        const std::vector<BytesView> pieces{"in ", "between"};
        transport_->writelines(pieces);
      }
    }
  } catch (const InvalidStateError&) {
    if (transport_->get_write_buffer_size() != held) fault("a refused write has changed something (N1)");
    return;
  }
  fault("a write in the middle of a file was taken (N1)");
}

void StreamEnd::write_eof_during_file() {
  if (transport_->is_closing()) return;
  try {
    transport_->write_eof();
  } catch (const InvalidStateError&) {
    return;
  }
  fault("write_eof in the middle of a file was taken (N1)");
}

void StreamEnd::write_eof() {
  if (!writes_ || upgrade_.is_agreed()) return;
  if (!transport_->can_write_eof()) {
    if (!is_secured()) return fault("can_write_eof() is false");
    return;
  }
  if (files_.is_under_way()) return write_eof_during_file();
  if (!reads_) return close();  // which it is on a pipe
  note("write_eof");
  if (!transport_->is_closing()) eof_written_ = true;
  transport_->write_eof();
  check_state();
}

void StreamEnd::close() {
  if (!transport_ || upgrade_.is_under_way()) return;
  note("close");
  upgrade_.may_fail();
  outgoing_.ends_here_or_later();
  transport_->close();
  if (!transport_->is_closing()) fault("close() has returned, and is_closing() is false (L4)");
  check_state();
}

void StreamEnd::abort() {
  note("abort");
  may_be_aborted();
  transport_->abort();
  if (!transport_->is_closing()) fault("abort() has returned, and is_closing() is false (L5)");
  check_state();
}

void StreamEnd::pause_reading() {
  if (!reads_ || lost_) return;
  note("pause_reading");
  if (!transport_->is_closing()) reading_paused_ = true;
  transport_->pause_reading();
  check_state();
  const auto resume_at_last = [this] {
    if (transport_ && !lost_ && !upgrade_.is_under_way()) resume_reading();
  };
  stage_.loop.call_later(stage_.some_time(std::chrono::seconds(2)), resume_at_last);
}

void StreamEnd::resume_reading() {
  if (!reads_ || lost_) return;
  note("resume_reading");
  if (!transport_->is_closing()) reading_paused_ = false;
  transport_->resume_reading();
  check_state();
}

void StreamEnd::set_limits() {
  const std::size_t low = stage_.some_size(100'000);
  const std::size_t high = low + stage_.some_size(100'000);
  WriteBufferLimits expected{.low = low, .high = high};
  WriteBufferLimitOptions options{.high = high, .low = low};
  switch (stage_.random.below(3)) {
    case 0:
      options.high = std::nullopt;
      expected.high = 4 * low;
      break;
    case 1:
      options.low = std::nullopt;
      expected.low = high / 4;
      break;
    default:
      break;
  }
  note("set_write_buffer_limits", expected.high);
  const TransportRef kept = transport_;
  highest_mark_ = std::max(highest_mark_, expected.high);
  kept->set_write_buffer_limits(options);
  if (transport_ && !writing_paused_ && kept->get_write_buffer_limits() != expected)
    fault("the marks are not those that were set (F2)");
}

void StreamEnd::set_bad_limits() {
  const WriteBufferLimits before = transport_->get_write_buffer_limits();
  try {
    transport_->set_write_buffer_limits({.high = 1, .low = 2});
    fault("marks that make no sense were taken (F3)");
  } catch (const std::invalid_argument&) {
    if (transport_->get_write_buffer_limits() != before) fault("refused marks have changed something (F3)");
  }
}

/// What holds at any time while it is open.
void StreamEnd::check_state() {
  if (!transport_ || lost_ || upgrade_.is_under_way()) return;
  const bool reads_now = reads_ && !transport_->is_closing() && !reading_paused_;
  if (transport_->is_reading() != reads_now) fault("is_reading() is wrong (R2)");
  files_.check_memory(highest_mark_);
}

// --- the end ---------------------------------------------------------------------------------------

void StreamEnd::finish(bool aborts) {
  upgrade_.may_fail();
  if (!is_open() || !transport_ || upgrade_.is_under_way()) return;
  resume_reading();
  if (aborts) {
    abort();
  } else {
    close();
  }
}

void StreamEnd::check_end() {
  if (is_open()) fault("connection_lost never came (L2)");
  const bool all_was_sent = peer_ != nullptr && peer_->lost_ && peer_->ended_in_order_;
  if (saw_eof_ && all_was_sent && !peer_->outgoing_.is_complete())
    fault(fmt::format("saw an end of file after {} bytes of {} that end {} wrote, and closed in order (W1)",
                      peer_->outgoing_.received_bytes(), peer_->outgoing_.written_bytes(), peer_->number_));
}

}  // namespace tidegate::workload
