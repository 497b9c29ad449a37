// Waiting for time to pass.
#pragma once

#include <tidegate/handle.hpp>
#include <tidegate/task.hpp>

namespace tidegate {

/// Waits until `delay` has passed, never less; other tasks run meanwhile. Zero and less lets everything that
/// is ready run once. Cancelling it frees its timer at once.
[[nodiscard]] Task<void> sleep(Duration delay);

}  // namespace tidegate
