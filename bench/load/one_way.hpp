// Bulk in one direction: to a server that discards, from a server that generates.
#pragma once

#include "arguments.hpp"
#include "window.hpp"

namespace load {

/// Each connection sends as fast as the server takes it, `pipeline` messages at a time. Throws std::exception
/// where a connection breaks.
void run_send(const Arguments& arguments, Window& window);

/// Each connection receives as fast as the server sends. Throws std::exception where a connection breaks or a
/// byte is wrong.
void run_receive(const Arguments& arguments, Window& window);

}  // namespace load
