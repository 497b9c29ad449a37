// What a Python transport has beside a plain one's where TLS is in between: the engine, who waits for the
// handshake, and the end in asyncio's words.
#pragma once

#include <tidegate/future.hpp>
#include <tidegate/transport.hpp>

#include "python.hpp"
#include "ssl_engine.hpp"
#include "tls/tls_transport.hpp"

#include <exception>
#include <memory>
#include <utility>

namespace tidegate::python {

/// Lifetime: that of its StreamPart.
class SecuredPart {
 public:
  /// As asyncio's FLOW_CONTROL_HIGH_WATER_SSL_WRITE.
  static constexpr std::size_t kHighMarkBytes = std::size_t{512} * 1024;

  /// All borrowed. Times are in seconds, as the program has given them.
  struct Terms {
    SslEngine::Terms engine;
    PyObject* handshake_timeout = nullptr;
    PyObject* shutdown_timeout = nullptr;
    /// May be null or None.
    PyObject* waiter = nullptr;
  };

  /// The connection, to be put over a transport. Throws PythonError.
  [[nodiscard]] std::shared_ptr<tls::TlsTransport> make(loop::LoopCore& core, const Terms& terms,
                                                        std::shared_ptr<BaseProtocol> protocol);
  /// The same for a connection that the protocol knows of already: takes the place of `below`'s protocol.
  [[nodiscard]] std::shared_ptr<tls::TlsTransport> upgrade(transport::InnerTransport& below,
                                                           const Terms& terms,
                                                           std::shared_ptr<BaseProtocol> protocol);
  /// Tells whoever waits how the handshake ends. `transport`: the Python one.
  void tell_waiter(const tls::TlsTransport& connection, PyObject* loop, PyObject* transport);

  /// As asyncio has it. Null, with an exception set, where there is no memory.
  [[nodiscard]] Owned exception_for(const std::exception_ptr& reason) const;

  int traverse(visitproc visit, void* arg) const;
  void clear() noexcept;

 private:
  template <typename Make>
  std::shared_ptr<tls::TlsTransport> make_as(const Terms& terms, const Make& make);
  void handshake_is_over(const Future<TransportRef>& opened, PyObject* loop, PyObject* transport);

  std::shared_ptr<SslEngine> engine_;
  Owned handshake_timeout_;
  Owned waiter_;
  /// The loop and the transport, while the handshake holds them.
  std::weak_ptr<const std::pair<Owned, Owned>> held_by_handshake_;
};

}  // namespace tidegate::python
