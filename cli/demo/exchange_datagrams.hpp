// Datagrams out and back: the part of the demo that needs no connections.
#pragma once

#include <tidegate/task.hpp>

#include "demo/progress.hpp"
#include "demo/report.hpp"

#include <memory>

namespace tidegate::cli::demo {

/// Many UDP sockets on loopback, each with one datagram under way to an echo: each comes back once, whole and
/// from the right address, empty ones included. Fills in the report, also with what was wrong.
[[nodiscard]] Task<> exchange_datagrams(std::shared_ptr<TransportReport> report,
                                        std::shared_ptr<ProgressLine> progress);

}  // namespace tidegate::cli::demo
