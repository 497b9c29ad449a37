// What one connection has still to send: spans in their order, of which the first are being sent.
#pragma once

#include "uring_buffers.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/// Zeroed, it is empty.
struct answers {
  struct span* spans;
  unsigned first;
  unsigned end;
  unsigned capacity;
  struct gathering* gathering;  // of more than one span; made when it is needed first
};

static inline unsigned count_answers(const struct answers* answers) { return answers->end - answers->first; }

void add_answer(struct answers* answers, struct span span);

static inline bool is_single_answer(const struct answers* answers) { return count_answers(answers) == 1; }

/// The first answers as one message, and its size. The message stays until the next call.
struct msghdr* gather_answers(struct answers* answers, size_t* size);

/// So many bytes have been sent: releases what was sent in full.
void drop_sent(struct answers* answers, size_t size);

/// Nothing will be sent.
void drop_answers(struct answers* answers);

/// Copies what is not yet memory of its own: the buffers become free. None of that may be on its way.
void own_answers(struct answers* answers);

/// Frees what an empty one has.
void close_answers(struct answers* answers);
