// An epoll loop without a library: a listening socket, the signals that end it, and connections whose events
// go to the program. Level-triggered, one thread.
#pragma once

#include "peer.h"

#include <stdbool.h>
#include <stdint.h>

/// What a program does about its connections.
struct bare_handlers {
  /// One was accepted: it is non-blocking, and the program's to `watch` and to close.
  void (*on_connection)(int descriptor);
  /// Something has happened to what was watched as `whom`. It may be closed and freed here.
  void (*on_event)(void* whom, uint32_t events);
};

/// Serves until SIGTERM or SIGINT.
void run_bare_loop(const struct peer_options* options, const struct bare_handlers* handlers);

/// Reports `interest` of the descriptor, until it is closed.
void watch(int descriptor, uint32_t interest, void* whom);
void change_interest(int descriptor, uint32_t interest, void* whom);

/// Whether a call that failed with it may succeed later.
bool is_transient(int error);
