// See socket_side.hpp.
#include "relay/socket_side.hpp"

#include <utility>

namespace tidegate::cli::relay {

SocketSide::SocketSide(PairEnd pair_end, std::optional<std::size_t> buffer_bytes)
    : pair_end_(std::move(pair_end)), buffer_bytes_(buffer_bytes) {}

void SocketSide::connection_made(TransportRef transport) {
  transport_ = std::move(transport);
  transport_->pause_reading();
  if (buffer_bytes_) transport_->set_write_buffer_limits({.high = *buffer_bytes_});
}

bool SocketSide::eof_received() {
  peer_has_ended_ = true;
  pair_end_.ended();
  if (last_words_ && !is_cut_) {
    last_words_->trust_the_kernel();
    last_words_->look();
  }
  return true;  // the other way goes on
}

void SocketSide::resume_writing() {
  if (last_words_) {
    last_words_->look();
  } else {
    pair_end_.has_room();
  }
}

void SocketSide::connection_lost(const Error& reason) {
  last_words_.reset();
  pair_end_.gone(reason);
}

// --- the end -----------------------------------------------------------------------------------------------

void SocketSide::close() {
  transport_->write_eof();
  last_words_.emplace(transport_, [this] { transport_->close(); });
  if (peer_has_ended_) last_words_->trust_the_kernel();
  last_words_->look();
}

void SocketSide::cut() {
  is_cut_ = true;
  last_words_.emplace(transport_, [this] { cut_off(*transport_); });
  last_words_->look();
}

Level SocketSide::level() const noexcept {
  return {transport_->get_write_buffer_size(), transport_->get_write_buffer_limits().high};
}

}  // namespace tidegate::cli::relay
