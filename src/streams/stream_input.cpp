// What a StreamReader reads from: see stream_input.hpp.
#include "streams/stream_input.hpp"

#include <tidegate/error.hpp>
#include <tidegate/stream_reader.hpp>

#include "streams/separators.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <utility>

namespace tidegate::detail {

StreamInput::StreamInput(std::size_t limit)
    : limit_(limit),
      full_(limit > std::numeric_limits<std::size_t>::max() / 2 ? std::numeric_limits<std::size_t>::max()
                                                                : 2 * limit) {
  if (limit == 0) throw std::invalid_argument("Limit cannot be <= 0");
}

// --- what the transport does -------------------------------------------------------------------------------

void StreamInput::attach(TransportRef transport) noexcept {
  transport_ = std::move(transport);
  paused_ = false;
}

MutableBytesView StreamInput::room() {
  room_is_target_ =
      is_awaited() && waiting_->is_into() && waiting_->target_left().size() >= kLeastDirectBytes;
  if (room_is_target_) return waiting_->target_left().first(kMostBytes);
  const std::size_t wanted = wanted_bytes();
  // More than was asked for is welcome, up to the same mark.
  const std::size_t most = std::max(wanted, full_ - std::min(full_, buffer_.size()));
  const MutableBytesView given = buffer_.room(wanted).first(std::min(most, kMostBytes));
  room_bytes_ = static_cast<std::uint32_t>(given.size());
  return given;
}

/// How much may come next. Whoever is not paused although the buffer is full is one that a read waits for:
/// for a separator that is longer than the limit, and then for no more than that, or for everything.
std::size_t StreamInput::wanted_bytes() const noexcept {
  std::size_t most = full_;
  if (is_awaited() && waiting_->kind() == ReadDemand::Kind::exactly) most = std::max(most, waiting_->count());
  const std::size_t size_bytes = buffer_.size();
  if (size_bytes >= most && is_awaited() && waiting_->is_until())
    most = limit_ + longest_separator(waiting_->separators());
  return size_bytes < most ? std::min<std::size_t>(next_bytes_, most - size_bytes) : next_bytes_;
}

void StreamInput::filled(std::size_t size_bytes) {
  if (room_is_target_) {
    waiting_->done += size_bytes;
  } else {
    buffer_.commit(size_bytes);
    fit_to(size_bytes);
  }
  arrived();
}

/// Asks for more next time where what was given was filled, and for less where most of it was not.
void StreamInput::fit_to(std::size_t received_bytes) noexcept {
  if (received_bytes == room_bytes_) {
    next_bytes_ = static_cast<std::uint32_t>(std::min<std::size_t>(next_bytes_ * std::size_t{2}, kMostBytes));
  } else if (received_bytes < next_bytes_ / 4) {
    next_bytes_ = static_cast<std::uint32_t>(std::max<std::size_t>(next_bytes_ / 2, kLeastBytes));
  }
}

void StreamInput::feed(BytesView data) {
  buffer_.append(data);
  arrived();
}

void StreamInput::feed_eof() {
  eof_ = true;
  wake();
}

void StreamInput::fail(std::exception_ptr exception) {
  exception_ = std::move(exception);
  wake();
}

void StreamInput::feed_cut(std::exception_ptr exception) {
  cut_ = std::move(exception);
  feed_eof();
}

void StreamInput::arrived() {
  if (is_awaited() && is_met(*waiting_)) wake();
  pause_if_full();
}

void StreamInput::wake() {
  if (is_awaited()) future_->finish_with_result();
}

void StreamInput::pause_if_full() {
  if (paused_ || collecting_ || is_awaited() || buffer_.size() < full_ || !transport_) return;
  paused_ = true;
  transport_->pause_reading();
}

void StreamInput::resume_if_low() {
  if (paused_ && buffer_.size() <= limit_) resume();
}

void StreamInput::resume() {
  paused_ = false;
  if (transport_) transport_->resume_reading();
}

// --- what a read does --------------------------------------------------------------------------------------

void StreamInput::begin(const ReadDemand& demand) {
  if (demand.is_until()) check_separators(demand.separators());
  if (exception_ != nullptr) std::rethrow_exception(exception_);
  if (waiting_ != nullptr) {
    throw InvalidStateError("read called while another task is already waiting for incoming data");
  }
  if (collecting_) throw InvalidStateError("read called while another task communicates with this process");
  buffer_.reclaim();
}

bool StreamInput::is_met(ReadDemand& demand) {
  switch (demand.kind()) {
    case ReadDemand::Kind::some:
      return eof_ || !buffer_.empty() || demand.count() == 0;
    case ReadDemand::Kind::exactly:
      return eof_ || buffer_.size() >= demand.count();
    case ReadDemand::Kind::until:
    case ReadDemand::Kind::line:
      return search(demand) || eof_;
    case ReadDemand::Kind::into_some:
      fill_target(demand);
      return eof_ || demand.done > 0 || demand.count() == 0;
    case ReadDemand::Kind::into_exactly:
      fill_target(demand);
      return eof_ || demand.done == demand.count();
  }
  return true;
}

/// Goes on searching where it had come to; true where there is a separator, or can be none within the limit.
bool StreamInput::search(ReadDemand& demand) const noexcept {
  if (demand.match_end != 0) return true;
  const auto match = find_separator(buffer_.bytes(), demand.done, demand.separators());
  if (match) {
    demand.match_begin = match->begin;
    demand.match_end = match->end;
    return true;
  }
  demand.done = bytes_without_separator(buffer_.size(), demand.separators());
  return demand.done > limit_;
}

void StreamInput::fill_target(ReadDemand& demand) noexcept {
  const MutableBytesView left = demand.target_left();
  const BytesView moved = buffer_.take(left.size());
  if (moved.empty()) return;
  std::memcpy(left.data(), moved.data(), moved.size());
  demand.done += moved.size();
  buffer_.reclaim();
}

void StreamInput::wait(ReadDemand& demand, FutureCore& future) {
  waiting_ = &demand;
  future_ = &future;
  if (paused_) resume();  // what is waited for would never come
}

BytesView StreamInput::take(ReadDemand& demand) {
  if (!is_met(demand)) {
    if (exception_ == nullptr) throw InvalidStateError("a read was overtaken by start_tls");
    std::rethrow_exception(exception_);
  }
  if (cut_ != nullptr && ends_with_the_stream(demand)) {
    put_back(demand);  // what has arrived can still be read
    std::rethrow_exception(cut_);
  }
  const BytesView taken = take_what_is_there(demand);
  resume_if_low();
  return taken;
}

/// Whether there is less than was asked for, because there will be no more.
bool StreamInput::ends_with_the_stream(const ReadDemand& demand) const noexcept {
  switch (demand.kind()) {
    case ReadDemand::Kind::some:
      return buffer_.empty() && demand.count() != 0;
    case ReadDemand::Kind::exactly:
      return buffer_.size() < demand.count();
    case ReadDemand::Kind::until:
    case ReadDemand::Kind::line:
      return demand.match_end == 0 && demand.done <= limit_;
    case ReadDemand::Kind::into_some:
      return demand.done == 0 && demand.count() != 0;
    case ReadDemand::Kind::into_exactly:
      return demand.done < demand.count();
  }
  return false;
}

BytesView StreamInput::take_what_is_there(ReadDemand& demand) {
  if (demand.is_until()) return take_up_to_separator(demand);
  switch (demand.kind()) {
    case ReadDemand::Kind::exactly:
      if (buffer_.size() < demand.count()) throw IncompleteReadError(take_everything(), demand.count());
      return buffer_.take(demand.count());
    case ReadDemand::Kind::into_exactly:
      if (demand.done < demand.count()) {
        throw IncompleteReadError(BytesView(demand.target()).first(demand.done).to_string(), demand.count());
      }
      return demand.target();
    case ReadDemand::Kind::into_some:
      return demand.target().first(demand.done);
    default:
      return buffer_.take(demand.count());
  }
}

BytesView StreamInput::take_up_to_separator(ReadDemand& demand) {
  const bool is_found = demand.match_end != 0;
  if (is_found ? demand.match_begin > limit_ : demand.done > limit_) give_up_on_separator(demand);
  if (is_found) return buffer_.take(demand.match_end);
  if (demand.kind() == ReadDemand::Kind::line) return buffer_.take(buffer_.size());
  throw IncompleteReadError(take_everything(), std::nullopt);
}

/// There is more before the separator than the limit. A line is dropped, so that the next one can be read.
void StreamInput::give_up_on_separator(const ReadDemand& demand) {
  const bool is_found = demand.match_end != 0;
  const char* const text = is_found ? "Separator is found, but chunk is longer than limit"
                                    : "Separator is not found, and chunk exceed the limit";
  if (demand.kind() != ReadDemand::Kind::line) {
    throw LimitOverrunError(text, is_found ? demand.match_begin : demand.done);
  }
  static_cast<void>(buffer_.take(is_found ? demand.match_end : buffer_.size()));
  resume_if_low();
  throw LineTooLongError(text);
}

void StreamInput::put_back(const ReadDemand& demand) noexcept {
  if (!demand.is_into() || demand.done == 0) return;
  try {
    put_back(BytesView(demand.target()).first(demand.done));
  } catch (...) {
    fail(std::current_exception());  // out of memory: a stream with a gap must not be read on
  }
}

void StreamInput::put_back(BytesView bytes) {
  buffer_.prepend(bytes);
  pause_if_full();
}

// --- what others ask ---------------------------------------------------------------------------------------

void StreamInput::begin_collecting() {
  if (collecting_) throw InvalidStateError("another task communicates with this process");
  if (waiting_ != nullptr) throw InvalidStateError("another task reads what this process says");
  collecting_ = true;
  if (paused_) resume();
}

void StreamInput::end_collecting() {
  collecting_ = false;
  pause_if_full();
}

std::string StreamInput::take_for_upgrade() {
  if (waiting_ != nullptr) {
    throw InvalidStateError("start_tls called while another task is already waiting for incoming data");
  }
  return take_everything();
}

std::string StreamInput::take_everything() { return buffer_.take(buffer_.size()).to_string(); }

}  // namespace tidegate::detail
