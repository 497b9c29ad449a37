// Where the core's own messages go under Python: to asyncio's logger.
#pragma once

#include "python.hpp"

namespace tidegate::python {

/// From here on they do, until the interpreter ends. False with an exception set.
[[nodiscard]] bool prepare_logging();

}  // namespace tidegate::python
