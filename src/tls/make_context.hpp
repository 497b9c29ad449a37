// Where contexts come from: the one thing that a TLS library has to provide. Knows none.
#pragma once

#include <tidegate/tls.hpp>

#include "tls/context_core.hpp"

#include <memory>

namespace tidegate::tls {

/// What stands behind TlsContext::client and TlsContext::server, which say what it throws.
[[nodiscard]] std::shared_ptr<const ContextCore> make_client_context(const TlsOptions& options);
[[nodiscard]] std::shared_ptr<const ContextCore> make_server_context(const TlsOptions& options);

}  // namespace tidegate::tls
