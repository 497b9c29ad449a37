// Connections that come and go.
#pragma once

#include "arguments.hpp"
#include "window.hpp"

namespace load {

/// So many slots as there are connections; each connects, has one message echoed, closes, and begins again. A
/// message counts when it has come back; its latency begins with the connect. Throws std::exception where a
/// connection breaks or a byte is wrong.
void run_storm(const Arguments& arguments, Window& window);

}  // namespace load
