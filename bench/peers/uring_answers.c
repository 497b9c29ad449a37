// See uring_answers.h.
#include "uring_answers.h"

#include "bare_sockets.h"

#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

enum { FEW_SPANS = 4, MOST_VECTORS = 64 };

struct gathering {
  struct msghdr message;
  struct iovec vectors[MOST_VECTORS];
};

static void make_room(struct answers* answers) {
  const unsigned count = count_answers(answers);
  if (2 * count >= answers->capacity) {
    answers->capacity = answers->capacity > 0 ? 2 * answers->capacity : FEW_SPANS;
    answers->spans = realloc(answers->spans, answers->capacity * sizeof *answers->spans);
    if (answers->spans == NULL) fail("realloc");
  }
  memmove(answers->spans, answers->spans + answers->first, count * sizeof *answers->spans);
  answers->first = 0;
  answers->end = count;
}

void add_answer(struct answers* answers, struct span span) {
  if (answers->end == answers->capacity) make_room(answers);
  answers->spans[answers->end++] = span;
}

struct msghdr* gather_answers(struct answers* answers, size_t* size) {
  if (answers->gathering == NULL) answers->gathering = allocate(sizeof *answers->gathering);
  struct gathering* gathering = answers->gathering;
  unsigned count = count_answers(answers);
  if (count > MOST_VECTORS) count = MOST_VECTORS;
  *size = 0;
  for (unsigned i = 0; i < count; ++i) {
    const struct span* span = &answers->spans[answers->first + i];
    // sendmsg only reads, though its vectors are not const.
    gathering->vectors[i] = (struct iovec){.iov_base = (void*)(uintptr_t)span->bytes, .iov_len = span->size};
    *size += span->size;
  }
  gathering->message = (struct msghdr){.msg_iov = gathering->vectors, .msg_iovlen = count};
  return &gathering->message;
}

void drop_sent(struct answers* answers, size_t size) {
  while (size > 0) {
    struct span* span = &answers->spans[answers->first];
    if (size < span->size) {
      span->bytes += size;
      span->size -= size;
      return;
    }
    size -= span->size;
    release_span(span);
    answers->first += 1;
  }
  if (answers->first == answers->end) answers->first = answers->end = 0;
}

void drop_answers(struct answers* answers) {
  for (unsigned i = answers->first; i < answers->end; ++i) release_span(&answers->spans[i]);
  answers->first = answers->end = 0;
}

void own_answers(struct answers* answers) {
  for (unsigned i = answers->first; i < answers->end; ++i) {
    struct span* span = &answers->spans[i];
    if (span->block != NULL) continue;
    char* block = allocate(span->size);
    memcpy(block, span->bytes, span->size);
    const struct span own = {.bytes = block, .size = span->size, .buffer = NO_BUFFER, .block = block};
    release_span(span);
    *span = own;
  }
}

void close_answers(struct answers* answers) {
  free(answers->spans);
  free(answers->gathering);
}
