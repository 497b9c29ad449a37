// Servers over TLS that are not whom their client wants: another one's, and one that anybody could be.
#pragma once

#include <tidegate/task.hpp>

#include "demo/report.hpp"

#include <memory>

namespace tidegate::cli::demo {

/// A client refuses each of them by the right error, and both ends know that there is no connection; one who
/// is whom he should be is let in. Over a socket pair.
[[nodiscard]] Task<> refuse_impostors(std::shared_ptr<TransportReport> report);

}  // namespace tidegate::cli::demo
