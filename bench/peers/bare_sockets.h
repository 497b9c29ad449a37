// What a server without a library begins with, however it waits: a listening socket, the signals that end it,
// and an end with a message where the system refuses.
#pragma once

#include "peer.h"

#include <stddef.h>

/// Says what failed, after errno, and ends the program.
_Noreturn void fail(const char* what);

/// malloc, or the end of the program.
void* allocate(size_t size);

/// Listens where the options say, and announces it. What it accepts over TCP has TCP_NODELAY.
int open_listener(const struct peer_options* options);

/// SIGTERM and SIGINT as something to wait for: no signal mask to change around each wait.
int open_stop_signals(void);
