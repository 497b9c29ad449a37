// libevent's loop: what timers and calls cost; see loop_program.h for what is counted.
//
// A timer is a struct event in an array that was allocated beforehand, its favourable case; inserting one
// assigns and adds it, cancelling deletes it. A call for later is an event made active by hand, which
// libevent runs within the same iteration. Calls from another thread go through a list behind a mutex and
// event_active, which may merge; only that part switches libevent's own locks on.
#include "call_queue.h"
#include "loop_program.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/thread.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static struct event_base* base;
static size_t left;

_Noreturn static void fail(const char* what) {
  perror(what);
  exit(1);
}

static struct timeval to_timeval(uint64_t milliseconds) {
  return (struct timeval){.tv_sec = (time_t)(milliseconds / 1000),
                          .tv_usec = (suseconds_t)(milliseconds % 1000 * 1000)};
}

// --- timers ------------------------------------------------------------------------------------------------

static void on_expired(evutil_socket_t none, short events, void* context) {
  (void)none;
  (void)events;
  (void)context;
  --left;
}

static void measure_timers(size_t count) {
  struct event* timers = malloc(count * sizeof *timers);
  if (timers == NULL) fail("malloc");
  size_t* order = shuffled_numbers(count);
  left = count;

  const uint64_t begun = thread_nanoseconds();
  for (size_t i = 0; i < count; ++i) {
    const struct timeval delay = to_timeval(far_milliseconds(i));
    evtimer_assign(&timers[i], base, on_expired, NULL);
    evtimer_add(&timers[i], &delay);
  }
  const uint64_t inserted = thread_nanoseconds();
  for (size_t i = 0; i < count; ++i) evtimer_del(&timers[order[i]]);
  const uint64_t cancelled = thread_nanoseconds();

  for (size_t i = 0; i < count; ++i) {
    const struct timeval delay = to_timeval(near_milliseconds(i));
    evtimer_add(&timers[i], &delay);
  }
  let_near_timers_become_due();
  const uint64_t all_due = thread_nanoseconds();
  event_base_dispatch(base);  // until no timer is left
  print_timers(count, inserted - begun, cancelled - inserted, thread_nanoseconds() - all_due);
  if (left != 0) abort();
  free(order);
  free(timers);
}

// --- calls -------------------------------------------------------------------------------------------------

static void step(evutil_socket_t none, short events, void* chain) {
  (void)none;
  (void)events;
  if (--left == 0) {
    event_base_loopbreak(base);
  } else {
    event_active(chain, EV_TIMEOUT, 0);
  }
}

static void measure_call_soon(size_t count) {
  struct event chains[LOOP_CHAINS];
  left = count;
  for (size_t i = 0; i < LOOP_CHAINS; ++i) event_assign(&chains[i], base, -1, 0, step, &chains[i]);
  const uint64_t begun = thread_nanoseconds();
  for (size_t i = 0; i < LOOP_CHAINS; ++i) event_active(&chains[i], EV_TIMEOUT, 0);
  event_base_dispatch(base);
  print_calls(count, thread_nanoseconds() - begun);
  for (size_t i = 0; i < LOOP_CHAINS; ++i) event_del(&chains[i]);
}

static struct call_queue queue = {.mutex = PTHREAD_MUTEX_INITIALIZER};
static struct event wake_up;

static void on_woken(evutil_socket_t none, short events, void* context) {
  (void)none;
  (void)events;
  (void)context;
  run_calls(&queue);
}

static void on_call(void* context) {
  (void)context;
  if (--left == 0) event_base_loopbreak(base);
}

static void* call_from_outside(void* count) {
  for (size_t i = *(const size_t*)count; i > 0; --i) {
    put_call(&queue, (struct call){.function = on_call});
    event_active(&wake_up, EV_READ, 0);
  }
  return NULL;
}

static void measure_threads(size_t count) {
  left = count;
  event_assign(&wake_up, base, -1, EV_PERSIST, on_woken, NULL);
  const uint64_t processor_begun = process_nanoseconds();
  const uint64_t begun = clock_nanoseconds();
  pthread_t other;
  if (pthread_create(&other, NULL, call_from_outside, &count) != 0) fail("pthread_create");
  event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
  const uint64_t ended = clock_nanoseconds();
  pthread_join(other, NULL);
  print_thread_calls(count, ended - begun, process_nanoseconds() - processor_begun);
}

int main(int argc, char** argv) {
  const struct loop_request request = read_loop_request(argc, argv, NULL, "");
  if (request.work == LOOP_THREADS && evthread_use_pthreads() != 0) fail("evthread_use_pthreads");
  base = event_base_new();
  if (base == NULL) fail("event_base_new");
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
  event_base_free(base);
}
