// What the demo plays over every route. Each of these fills in its part of the report, and notes what is
// wrong on the stage.
#pragma once

#include <tidegate/task.hpp>

#include "demo/stage.hpp"

#include <memory>

namespace tidegate::cli::demo {

/// Many clients at once, each with one message under way to an echo server: every byte comes back, in its
/// place.
[[nodiscard]] Task<> exchange_messages(std::shared_ptr<Stage> stage);

/// A fast writer and a reader that often pauses: the writer's memory stays in bounds, and nothing is lost.
[[nodiscard]] Task<> send_bulk(std::shared_ptr<Stage> stage);

/// A client that has said all half-closes; the answer comes after that, whole, and then the end.
[[nodiscard]] Task<> half_close(std::shared_ptr<Stage> stage);

/// One end cuts the connection, idle or with its pipes full: both ends hear of it once, and of nothing after
/// it.
[[nodiscard]] Task<> cut_connections(std::shared_ptr<Stage> stage);

}  // namespace tidegate::cli::demo
