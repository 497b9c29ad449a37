// TLS over TCP, with a certificate of this run.
#pragma once

#include "demo/route.hpp"

#include <memory>

namespace tidegate::cli::demo {

/// Its clients trust the authority of that certificate, and check the name of the host.
[[nodiscard]] std::unique_ptr<Route> tls_route();

}  // namespace tidegate::cli::demo
