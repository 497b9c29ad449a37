// See one_echo.hpp.
#include "bench/one_echo.hpp"

#include <tidegate/transport.hpp>

#include <utility>

namespace tidegate::cli::bench {

OneEcho::OneEcho(std::shared_ptr<Session> session, std::size_t number)
    : session_(std::move(session)),
      number_(number),
      writer_(Pattern(number)),
      reader_(Pattern(number)),
      ended_(session_->loop().create_future<void>()) {}

void OneEcho::send() { writer_.write_until(session_->options().size_bytes); }

void OneEcho::give_up(std::string problem) {
  problem_ = std::move(problem);
  transport_->abort();
}

bool OneEcho::is_complete() const noexcept { return reader_.position() == session_->options().size_bytes; }

void OneEcho::connection_made(TransportRef transport) {
  transport_ = transport;
  writer_.attach(transport);
  session_->connections().opened(number_, std::move(transport));
}

void OneEcho::data_received(BytesView data) {
  if (auto wrong = reader_.take_echo(data, writer_)) return give_up(std::move(*wrong));
  if (is_complete()) transport_->close();
}

void OneEcho::connection_lost(const Error& reason) {
  session_->connections().closed(number_);
  if (problem_.empty() && !is_complete()) problem_ = describe_loss(reason, reader_.position());
  // Done already where whoever waited for it was cancelled.
  if (!ended_.done()) ended_.set_result();
}

}  // namespace tidegate::cli::bench
