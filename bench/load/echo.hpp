// Messages there and back over connections that stay.
#pragma once

#include "arguments.hpp"
#include "window.hpp"

#include <functional>

namespace load {

/// A closed loop: each connection sends a batch of `pipeline` messages at once, and the next when all have
/// come back. Throws std::exception where a connection breaks or a byte is wrong.
void run_echo(const Arguments& arguments, Window& window);

/// All connections send a batch, then all answers are collected, and so on, `messages` per connection: always
/// the same work, for counting instructions. Throws as `run_echo`.
void run_echo_in_lock_step(const Arguments& arguments, Window& window);

/// Opens all connections and has one message echoed on each, to prove that they live; calls `opened`, and
/// stays until standard input closes. Throws as `run_echo`.
void run_idle(const Arguments& arguments, Window& window, const std::function<void()>& opened);

}  // namespace load
