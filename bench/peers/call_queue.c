// See call_queue.h.
#include "call_queue.h"

#include <stdio.h>
#include <stdlib.h>

static void grow(struct call_list* list) {
  list->capacity = list->capacity == 0 ? 1024 : list->capacity * 2;
  list->calls = realloc(list->calls, list->capacity * sizeof *list->calls);
  if (list->calls != NULL) return;
  perror("realloc");
  exit(1);
}

void put_call(struct call_queue* queue, struct call call) {
  pthread_mutex_lock(&queue->mutex);
  if (queue->waiting.count == queue->waiting.capacity) grow(&queue->waiting);
  queue->waiting.calls[queue->waiting.count++] = call;
  pthread_mutex_unlock(&queue->mutex);
}

void run_calls(struct call_queue* queue) {
  pthread_mutex_lock(&queue->mutex);
  const struct call_list taken = queue->waiting;
  queue->waiting = queue->running;
  pthread_mutex_unlock(&queue->mutex);
  for (size_t i = 0; i < taken.count; ++i) taken.calls[i].function(taken.calls[i].context);
  queue->running = (struct call_list){.calls = taken.calls, .capacity = taken.capacity};
}
