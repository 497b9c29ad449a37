// Calls from another thread, for libraries whose only message between threads is "wake up": a list behind a
// mutex, as their documentation advises. Two arrays that change places, so that a call costs no allocation
// once they have grown.
#pragma once

#include <pthread.h>
#include <stddef.h>

struct call {
  void (*function)(void* context);
  void* context;
};

struct call_list {
  struct call* calls;
  size_t count;
  size_t capacity;
};

struct call_queue {
  pthread_mutex_t mutex;
  struct call_list waiting;
  struct call_list running;
};

/// Adds a call. Any thread.
void put_call(struct call_queue* queue, struct call call);

/// Runs what has been put so far. The loop's thread.
void run_calls(struct call_queue* queue);
