// See tls_side.hpp.
#include "relay/tls_side.hpp"

#include <tidegate/tls.hpp>

#include "security.hpp"

#include <utility>

namespace tidegate::cli::relay {

TlsSide::TlsSide(PairEnd pair_end, std::optional<std::size_t> buffer_bytes, Duration timeout)
    : pair_end_(std::move(pair_end)),
      buffer_bytes_(buffer_bytes),
      silence_(timeout, [this] { silent_for_too_long(); }) {}

void TlsSide::connection_made(TransportRef transport) {
  transport_ = std::move(transport);
  transport_->pause_reading();
  if (buffer_bytes_) transport_->set_write_buffer_limits({.high = *buffer_bytes_});
}

std::string TlsSide::agreement() const { return agreement_text(*tls_object(*transport_)); }

// --- from the peer -----------------------------------------------------------------------------------------

void TlsSide::data_received(BytesView data) {
  silence_.heard();
  pair_end_.bytes_came(data);
}

bool TlsSide::eof_received() {
  peer_has_ended_ = true;
  silence_.stop();
  if (is_cut_) cut_off(*transport_);  // the transport would answer, and that would be an end in order
  pair_end_.ended();
  pair_end_.takes_no_more();
  return false;
}

void TlsSide::resume_writing() {
  if (last_words_) {
    last_words_->look();
  } else {
    pair_end_.has_room();
  }
}

void TlsSide::connection_lost(const Error& reason) {
  silence_.stop();
  last_words_.reset();
  if (reason && !peer_has_ended_) {
    pair_end_.gone_in_the_middle(reason);
  } else {
    pair_end_.gone(reason);
  }
}

// --- the way to it has ended -------------------------------------------------------------------------------

void TlsSide::end_writing() { silence_.watch(transport_->loop()); }

/// Who has not got the question yet, or is not being listened to, is no silent one.
void TlsSide::silent_for_too_long() {
  if (is_paused_ || transport_->get_write_buffer_size() > 0) {
    silence_.watch(transport_->loop());
  } else {
    pair_end_.ended();
  }
}

void TlsSide::pause_reading() {
  is_paused_ = true;
  transport_->pause_reading();
}

void TlsSide::resume_reading() {
  is_paused_ = false;
  silence_.heard();
  transport_->resume_reading();
}

// --- the end -----------------------------------------------------------------------------------------------

/// Closed at once, the transport would not read for long what still comes, see LastWords.
void TlsSide::close() {
  silence_.stop();
  last_words_.emplace(transport_, [this] { transport_->close(); });
  last_words_->look();
}

void TlsSide::cut() {
  is_cut_ = true;
  silence_.stop();
  last_words_.emplace(transport_, [this] { cut_off(*transport_); });
  last_words_->look();
}

void TlsSide::abort() {
  silence_.stop();
  if (transport_) transport_->abort();
}

Level TlsSide::level() const noexcept {
  return {transport_->get_write_buffer_size(), transport_->get_write_buffer_limits().high};
}

}  // namespace tidegate::cli::relay
