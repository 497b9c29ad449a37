// See callback_order.hpp.
#include "demo/callback_order.hpp"

#include <fmt/format.h>

namespace tidegate::cli::demo {

const char* name_of(Callback callback) noexcept {
  switch (callback) {
    case Callback::connection_made:
      return "connection_made";
    case Callback::data_received:
      return "data_received";
    case Callback::get_buffer:
      return "get_buffer";
    case Callback::buffer_updated:
      return "buffer_updated";
    case Callback::eof_received:
      return "eof_received";
    case Callback::pause_writing:
      return "pause_writing";
    case Callback::resume_writing:
      return "resume_writing";
    case Callback::connection_lost:
      break;
  }
  return "connection_lost";
}

std::string CallbackOrder::enter(Callback callback) {
  std::string violation;
  if (depth_ > 0 && callback != Callback::pause_writing) {
    violation = fmt::format("{} was called inside {}", name_of(callback), name_of(running_));
  } else if (const char* objection = objection_to(callback); objection != nullptr) {
    violation = fmt::format("{} was called {}", name_of(callback), objection);
  }
  advance(callback);
  ++depth_;
  running_ = callback;
  return violation;
}

const char* CallbackOrder::objection_to(Callback callback) const noexcept {
  if (state_ == State::lost) return "after connection_lost";
  if (callback == Callback::connection_made) return state_ == State::unconnected ? nullptr : "twice";
  if (state_ == State::unconnected) return "before connection_made";
  switch (callback) {
    case Callback::pause_writing:
      return is_paused_ ? "twice in a row" : nullptr;
    case Callback::resume_writing:
      return is_paused_ ? nullptr : "without pause_writing before it";
    case Callback::connection_made:
    case Callback::connection_lost:
      return nullptr;
    case Callback::data_received:
    case Callback::get_buffer:
    case Callback::buffer_updated:
    case Callback::eof_received:
      break;
  }
  return objection_to_reading(callback);
}

const char* CallbackOrder::objection_to_reading(Callback callback) const noexcept {
  if (state_ == State::after_eof) return "after eof_received";
  if (callback == Callback::buffer_updated && !has_buffer_) return "without get_buffer before it";
  return nullptr;
}

void CallbackOrder::advance(Callback callback) noexcept {
  has_buffer_ = callback == Callback::get_buffer;
  switch (callback) {
    case Callback::connection_made:
      state_ = State::open;
      break;
    case Callback::eof_received:
      state_ = State::after_eof;
      break;
    case Callback::connection_lost:
      state_ = State::lost;
      break;
    case Callback::pause_writing:
      is_paused_ = true;
      break;
    case Callback::resume_writing:
      is_paused_ = false;
      break;
    case Callback::data_received:
    case Callback::get_buffer:
    case Callback::buffer_updated:
      break;
  }
}

}  // namespace tidegate::cli::demo
