// Loop::start_tls: TLS over a connection that is there already (contract T6).
#include <tidegate/loop.hpp>

#include "tls/tls_transport.hpp"
#include "transport/securing.hpp"

#include <memory>
#include <stdexcept>
#include <utility>

namespace tidegate {

namespace {

/// Ends an upgrade that nobody waits for any more. It is there from the call on, also where the coroutine is
/// dropped before its first step.
class Upgrade {
 public:
  explicit Upgrade(std::shared_ptr<tls::TlsTransport> transport)
      : transport_(std::move(transport)), opened_(transport_->opened()) {}
  Upgrade(const Upgrade&) = delete;
  Upgrade& operator=(const Upgrade&) = delete;
  ~Upgrade() {
    if (done_) return;
    if (!opened_.done()) opened_.cancel();
    transport_->abort();
  }

  [[nodiscard]] const Future<TransportRef>& opened() const noexcept { return opened_; }
  void done() noexcept { done_ = true; }

 private:
  std::shared_ptr<tls::TlsTransport> transport_;
  Future<TransportRef> opened_;
  bool done_ = false;
};

Task<TransportRef> finish(std::unique_ptr<Upgrade> upgrade) {
  TransportRef transport = co_await upgrade->opened();
  upgrade->done();
  co_return transport;
}

}  // namespace

Task<TransportRef> Loop::start_tls(TransportRef transport, std::shared_ptr<BaseProtocol> protocol,
                                   const TlsContext& context, const StartTlsOptions& options) {
  if (!transport) throw std::invalid_argument("start_tls: the transport is null");
  if (!context) throw std::invalid_argument("start_tls: a TLS context is needed");
  auto* const below = dynamic_cast<transport::InnerTransport*>(transport.get());
  if (below == nullptr || !below->is_two_way()) {
    throw std::invalid_argument("start_tls: TLS needs a stream socket's transport, both ways");
  }
  if (transport->is_closing()) throw InvalidStateError("start_tls: the transport is closing");
  if (&transport->loop() != this) {
    throw std::invalid_argument("start_tls: the transport belongs to another loop");
  }
  transport->write(
      BytesView());  // throws where nothing can be written: after write_eof, while a file is sent
  const transport::SecuringOptions given{.caller = "start_tls",
                                         .context = context,
                                         .handshake_timeout = options.tls_handshake_timeout,
                                         .shutdown_timeout = options.tls_shutdown_timeout,
                                         .server_hostname = options.server_hostname,
                                         .session = options.tls_session.get()};
  const transport::Securing securing =
      context.is_server() ? transport::secure_server(given) : transport::secure_client(given);
  return finish(std::make_unique<Upgrade>(
      tls::TlsTransport::upgrade(*below, securing, std::move(protocol), options.received)));
}

}  // namespace tidegate
