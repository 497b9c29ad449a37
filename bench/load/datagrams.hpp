// Datagrams there and back.
#pragma once

#include "arguments.hpp"
#include "window.hpp"

namespace load {

/// So many sockets as there are connections; each keeps `pipeline` datagrams under way, and sends another for
/// each that has come back, or another train when all of it has. What has not after 200 ms is lost, counted,
/// and makes room for the next. Throws std::exception where a datagram is not what was sent, or nobody
/// listens.
void run_datagrams(const Arguments& arguments, Window& window);

/// All sockets send, then all answers are collected, and so on, `messages` per socket: always the same work,
/// for counting instructions. Gives up none. REQUIRES: `messages` are whole pipelines. Throws as
/// `run_datagrams`.
void run_datagrams_in_lock_step(const Arguments& arguments, Window& window);

}  // namespace load
