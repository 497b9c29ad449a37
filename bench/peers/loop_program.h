// What the loop programs have in common, so that each does the same work on its own library: what they are
// asked, which deadlines their timers have, and how time is taken.
//
//     PROGRAM timers [N]       inserts N timers, cancels them, and lets N others expire
//     PROGRAM call_soon [N]    N callbacks, each of which schedules the next of its chain
//     PROGRAM threads [N]      another thread schedules N callbacks
//
// Each prints one line of JSON, in nanoseconds per timer or per call.
//
// Timers. The memory that a program has to provide for them (uv_timer_t, steady_timer, struct event,
// TimerHandle) is there beforehand and not counted; initialising and starting a timer is, and so is what the
// library allocates. Inserted are delays of 1 to 60 s, pseudo-random, none of which comes to pass; they are
// cancelled in another order, until nothing of them is left to be done. What expires are N others, spread
// over LOOP_NEAR_MILLISECONDS that have gone by when the loop begins to run: only running them is counted.
// All of this is processor time of the thread.
//
// Calls. Processor time of the thread for call_soon; for threads the time on the clock from the first call to
// the last, and processor time of both threads.
#pragma once

#include "peer.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
  LOOP_CHAINS = 100,
  LOOP_NEAR_MILLISECONDS = 100,
};

enum loop_work { LOOP_TIMERS, LOOP_CALL_SOON, LOOP_THREADS };

struct loop_request {
  enum loop_work work;
  size_t count;
};

/// Reads the command line; wrong arguments end the program with status 2. `read_own_option` may be NULL,
/// `own_usage` is the text for it.
struct loop_request read_loop_request(int argc, char** argv, peer_option_reader read_own_option,
                                      const char* own_usage);

/// The delay of timer `number` among those that never expire, and among those that do.
uint64_t far_milliseconds(size_t number);
uint64_t near_milliseconds(size_t number);

/// The numbers 0 to count - 1 in a pseudo-random order. The caller frees it.
size_t* shuffled_numbers(size_t count);

/// Returns when every timer that has `near_milliseconds` from now is due.
void let_near_timers_become_due(void);

/// Nanoseconds of processor time of this thread, of the whole process, and on the clock.
uint64_t thread_nanoseconds(void);
uint64_t process_nanoseconds(void);
uint64_t clock_nanoseconds(void);

/// Results: what everything took, printed per timer and per call.
void print_timers(size_t count, uint64_t insert, uint64_t cancel, uint64_t expire);
void print_calls(size_t count, uint64_t nanoseconds);
void print_thread_calls(size_t count, uint64_t nanoseconds, uint64_t processor_nanoseconds);

#ifdef __cplusplus
}
#endif
