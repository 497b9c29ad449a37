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

Level SocketSide::level() const noexcept {
  return {transport_->get_write_buffer_size(), transport_->get_write_buffer_limits().high};
}

}  // namespace tidegate::cli::relay
