// See echo_protocol.hpp.
#include "echo_protocol.hpp"

#include "connection_log.hpp"

#include <utility>

namespace tidegate::cli {

EchoProtocol::EchoProtocol(std::shared_ptr<ConnectionLog> log) : log_(std::move(log)) {}

EchoProtocol::~EchoProtocol() = default;

void EchoProtocol::connection_made(TransportRef transport) {
  transport_ = std::move(transport);
  if (log_)
    number_ = log_->opened(transport_->peername(), transport_->sockname(), tls_object(*transport_).get());
}

void EchoProtocol::data_received(BytesView data) {
  received_bytes_ += data.size();
  transport_->write(data);
}

void EchoProtocol::connection_lost(const Error& reason) {
  if (log_) log_->closed(number_, transport_->peername(), received_bytes_, reason);
}

}  // namespace tidegate::cli
