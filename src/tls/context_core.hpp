// What stands behind a TlsContext: it makes the engines of its connections. Knows no TLS library.
#pragma once

#include <tidegate/tls.hpp>

#include "tls/engine.hpp"

#include <functional>
#include <memory>
#include <string>

namespace tidegate::tls {

/// What differs from one connection of a context to the next.
struct EngineTerms {
  /// Client: whom the server has to be, and is told that it should be. Empty: nobody in particular.
  std::string server_hostname = {};
  /// Client: what to resume; may be empty.
  TlsSession session = {};
  /// Told of exceptions of the program's callbacks (sni_callback, keylog_callback), which have no other way
  /// out.
  std::function<void(const char* message, std::exception_ptr exception)> report = {};
};

/// Thread: any.
class ContextCore : public std::enable_shared_from_this<ContextCore> {
 public:
  virtual ~ContextCore() = default;

  [[nodiscard]] virtual bool is_server() const noexcept = 0;
  /// Whether connections have to name their server (`check_hostname`, with verification on).
  [[nodiscard]] virtual bool checks_hostname() const noexcept = 0;
  /// `sink`: Lifetime: outlives every call to the engine. Throws TlsError, std::invalid_argument for a name
  /// or a session that can't be used, std::bad_alloc.
  [[nodiscard]] virtual std::shared_ptr<Engine> make_engine(const EngineTerms& terms,
                                                            CiphertextSink& sink) const = 0;
};

}  // namespace tidegate::tls
