// Messages there and back over connections that stay: echo, and echo in lock-step.
#pragma once

#include "arguments.hpp"
#include "window.hpp"

namespace load {

/// A closed loop: each connection sends a batch of `pipeline` messages at once, and the next when all have
/// come back. Throws std::exception where a connection breaks or a byte is wrong.
void run_echo(const Arguments& arguments, Window& window);

/// All connections send a batch, then all answers are collected, and so on, `messages` per connection: always
/// the same work, for counting instructions. Throws as `run_echo`.
void run_echo_in_lock_step(const Arguments& arguments, Window& window);

}  // namespace load
