// The handle that programs hold of a context, in builds with a TLS library and without.
#include <tidegate/tls.hpp>

#include "tls/context_core.hpp"
#include "tls/make_context.hpp"

#include <cassert>

namespace tidegate {

#ifndef TIDEGATE_HAS_TLS
namespace tls {

std::shared_ptr<const ContextCore> make_client_context(const TlsOptions& /*options*/) {
  throw NotSupportedError("this build of Tidegate has no TLS (TIDEGATE_TLS=OFF)");
}

std::shared_ptr<const ContextCore> make_server_context(const TlsOptions& options) {
  return make_client_context(options);
}

}  // namespace tls
#endif

TlsContext TlsContext::client(const TlsOptions& options) {
  return TlsContext(tls::make_client_context(options));
}

TlsContext TlsContext::server(const TlsOptions& options) {
  return TlsContext(tls::make_server_context(options));
}

bool TlsContext::is_server() const noexcept {
  assert(core_ != nullptr && "TlsContext::is_server: there is no context");
  return core_->is_server();
}

}  // namespace tidegate
