// libuv's loop: what timers and calls cost; see loop_program.h for what is counted.
//
// A timer is a uv_timer_t in an array that was allocated beforehand, its favourable case; inserting one
// initialises and starts it, cancelling stops it. A call for later is a uv_idle_t that is started again,
// since libuv runs those once per iteration and has nothing closer. Calls from another thread go through a
// list behind a mutex and uv_async_send, which may merge, as its documentation says.
#include "call_queue.h"
#include "loop_program.h"

#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

static uv_loop_t loop;
static size_t left;

static void check(int status, const char* what) {
  if (status >= 0) return;
  fprintf(stderr, "%s: %s\n", what, uv_strerror(status));
  exit(1);
}

// --- timers ------------------------------------------------------------------------------------------------

static void on_expired(uv_timer_t* timer) {
  (void)timer;
  --left;
}

static void measure_timers(size_t count) {
  uv_timer_t* timers = malloc(count * sizeof *timers);
  if (timers == NULL) check(UV_ENOMEM, "malloc");
  size_t* order = shuffled_numbers(count);
  left = count;

  const uint64_t begun = thread_nanoseconds();
  for (size_t i = 0; i < count; ++i) {
    uv_timer_init(&loop, &timers[i]);
    uv_timer_start(&timers[i], on_expired, far_milliseconds(i), 0);
  }
  const uint64_t inserted = thread_nanoseconds();
  for (size_t i = 0; i < count; ++i) uv_timer_stop(&timers[order[i]]);
  const uint64_t cancelled = thread_nanoseconds();

  uv_update_time(&loop);
  for (size_t i = 0; i < count; ++i) uv_timer_start(&timers[i], on_expired, near_milliseconds(i), 0);
  let_near_timers_become_due();
  const uint64_t all_due = thread_nanoseconds();
  uv_run(&loop, UV_RUN_DEFAULT);  // until no timer is left
  print_timers(count, inserted - begun, cancelled - inserted, thread_nanoseconds() - all_due);
  if (left != 0) abort();
  free(order);
  free(timers);
}

// --- calls -------------------------------------------------------------------------------------------------

static void step(uv_idle_t* chain) {
  uv_idle_stop(chain);
  if (--left == 0) {
    uv_stop(&loop);
  } else {
    uv_idle_start(chain, step);
  }
}

static void measure_call_soon(size_t count) {
  uv_idle_t chains[LOOP_CHAINS];
  left = count;
  for (size_t i = 0; i < LOOP_CHAINS; ++i) uv_idle_init(&loop, &chains[i]);
  const uint64_t begun = thread_nanoseconds();
  for (size_t i = 0; i < LOOP_CHAINS; ++i) uv_idle_start(&chains[i], step);
  uv_run(&loop, UV_RUN_DEFAULT);
  print_calls(count, thread_nanoseconds() - begun);
}

static struct call_queue queue = {.mutex = PTHREAD_MUTEX_INITIALIZER};
static uv_async_t wake_up;

static void on_woken(uv_async_t* handle) {
  (void)handle;
  run_calls(&queue);
}

static void on_call(void* context) {
  (void)context;
  if (--left == 0) uv_stop(&loop);
}

static void call_from_outside(void* count) {
  for (size_t i = *(const size_t*)count; i > 0; --i) {
    put_call(&queue, (struct call){.function = on_call});
    uv_async_send(&wake_up);
  }
}

static void measure_threads(size_t count) {
  left = count;
  check(uv_async_init(&loop, &wake_up, on_woken), "uv_async_init");
  const uint64_t processor_begun = process_nanoseconds();
  const uint64_t begun = clock_nanoseconds();
  uv_thread_t other;
  check(uv_thread_create(&other, call_from_outside, &count), "uv_thread_create");
  uv_run(&loop, UV_RUN_DEFAULT);
  const uint64_t ended = clock_nanoseconds();
  uv_thread_join(&other);
  print_thread_calls(count, ended - begun, process_nanoseconds() - processor_begun);
}

int main(int argc, char** argv) {
  const struct loop_request request = read_loop_request(argc, argv, NULL, "");
  check(uv_loop_init(&loop), "uv_loop_init");
  switch (request.work) {
    case LOOP_TIMERS:
      measure_timers(request.count);
      break;
    case LOOP_CALL_SOON:
      measure_call_soon(request.count);
      break;
    case LOOP_THREADS:
      measure_threads(request.count);
      break;
  }
}
