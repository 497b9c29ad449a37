// See datagram_side.hpp.
#include "relay/datagram_side.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

namespace tidegate::cli::relay {

DatagramSide::DatagramSide(PairEnd pair_end, std::optional<std::size_t> buffer_bytes, Duration timeout)
    : pair_end_(std::move(pair_end)),
      buffer_bytes_(buffer_bytes),
      silence_(timeout, [this] { pair_end_.ended(); }) {}

void DatagramSide::connection_made(DatagramTransportRef transport) {
  transport_ = std::move(transport);
  if (buffer_bytes_) transport_->set_write_buffer_limits({.high = *buffer_bytes_});
}

// --- from the peer -----------------------------------------------------------------------------------------

void DatagramSide::datagram_received(BytesView data, const Endpoint&) {
  silence_.heard();
  if (is_reading_) {
    pair_end_.bytes_came(data);
  } else {
    pair_end_.overran(data.size());
  }
}

/// One that the system had no room for is lost as any may be on its way. Everything else is said of the peer
/// or of the way to it, and holds for the next one, too.
void DatagramSide::error_received(const Error& error) {
  if (error.code() == std::errc::no_buffer_space || failure_) return;
  failure_ = error;
  transport_->abort();
}

void DatagramSide::connection_lost(const Error& reason) {
  silence_.stop();
  pair_end_.gone(failure_ ? failure_ : reason);
}

// --- to the peer -------------------------------------------------------------------------------------------

void DatagramSide::write(BytesView data) {
  if (transport_->is_closing()) return;
  std::size_t sent = 0;
  do {
    const std::size_t piece = std::min(data.size() - sent, kLargestDatagramBytes);
    transport_->sendto(BytesView(data.data() + sent, piece));
    sent += piece;
  } while (sent < data.size() && !failure_);
}

void DatagramSide::end_writing() { silence_.watch(transport_->loop()); }

// --- the end -----------------------------------------------------------------------------------------------

void DatagramSide::close() {
  silence_.stop();
  transport_->close();
}

void DatagramSide::abort() {
  silence_.stop();
  if (transport_) transport_->abort();
}

Level DatagramSide::level() const noexcept {
  return {transport_->get_write_buffer_size(), transport_->get_write_buffer_limits().high};
}

}  // namespace tidegate::cli::relay
