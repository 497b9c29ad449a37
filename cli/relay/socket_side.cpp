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
  pair_end_.ended();
  return true;  // the other way goes on
}

void SocketSide::resume_writing() {
  if (closes_when_drained_) {
    transport_->close();
  } else {
    pair_end_.has_room();
  }
}

void SocketSide::close() {
  if (transport_->get_write_buffer_size() == 0) return transport_->close();
  closes_when_drained_ = true;
  transport_->set_write_buffer_limits({.high = 0});  // so that `resume_writing` means empty
  transport_->resume_reading();
}

Level SocketSide::level() const noexcept {
  return {transport_->get_write_buffer_size(), transport_->get_write_buffer_limits().high};
}

}  // namespace tidegate::cli::relay
