// The contexts of a play's secured connections, the same for all plays of a process.
#pragma once

#include <tidegate/tls.hpp>

namespace tidegate::workload {

/// Whether there is TLS at all.
[[nodiscard]] bool has_tls() noexcept;
/// REQUIRES of all: has_tls().
[[nodiscard]] const TlsContext& client_context();
[[nodiscard]] const TlsContext& server_context();
/// A client's who trusts somebody else.
[[nodiscard]] const TlsContext& distrusting_context();

}  // namespace tidegate::workload
