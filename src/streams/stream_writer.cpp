// The writing half of a stream: see stream_writer.hpp.
#include <tidegate/loop.hpp>
#include <tidegate/stream_writer.hpp>

#include "streams/stream_input.hpp"
#include "streams/stream_output.hpp"

#include <exception>
#include <optional>
#include <string>
#include <utility>

namespace tidegate {

namespace {

using detail::StreamInput;
using detail::StreamOutput;

/// StartTlsOptions with what they borrow: the coroutine begins after the call has returned.
struct KeptTlsOptions {
  explicit KeptTlsOptions(const StartTlsOptions& given)
      : options(given),
        server_hostname(given.server_hostname.value_or("")),
        session(given.tls_session.get()) {}

  [[nodiscard]] StartTlsOptions with_received(BytesView received) const {
    StartTlsOptions whole = options;
    if (options.server_hostname) whole.server_hostname = server_hostname;
    whole.tls_session = session;
    whole.received = received;
    return whole;
  }

  StartTlsOptions options;
  std::string server_hostname;
  TlsSession session;
};

Task<void> upgrade(std::shared_ptr<StreamOutput> output, TlsContext context, KeptTlsOptions kept) {
  auto draining = output->drain(output);
  co_await std::move(draining);
  StreamInput* const input = output->input();
  // From the call on nothing reaches the reader: what it holds now is all that came before.
  const std::string received = input != nullptr ? input->take_for_upgrade() : std::string();
  const TransportRef plain = output->transport();
  std::optional<Task<TransportRef>> upgrading;
  try {
    const StartTlsOptions options = kept.with_received(received);
    upgrading = plain->loop().start_tls(plain, plain->get_protocol(), context, options);
  } catch (...) {
    if (input != nullptr) input->put_back(received);  // nothing has begun
    throw;
  }
  // Where this fails the protocol, which is us, is told so as well: of the stream's end.
  const TransportRef secured = co_await std::move(*upgrading);
  output->attach(secured);
  if (input != nullptr) input->attach(secured);
}

}  // namespace

Future<void> StreamWriter::drain() const { return output_->drain(output_); }

Future<void> StreamWriter::wait_closed() const { return output_->wait_closed(); }

Task<> StreamWriter::start_tls(const TlsContext& context) const { return start_tls(context, {}); }

Task<> StreamWriter::start_tls(const TlsContext& context, const StartTlsOptions& options) const {
  return upgrade(output_, context, KeptTlsOptions(options));
}

const TransportRef& StreamWriter::transport() const noexcept { return output_->transport(); }

}  // namespace tidegate
