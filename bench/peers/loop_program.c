// See loop_program.h.
#include "loop_program.h"

#include "peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
  DEFAULT_COUNT = 1000000,
  MOST = 100000000,
};

// --- the command line --------------------------------------------------------------------------------------

_Noreturn static void explain_usage(const char* program) {
  fprintf(stderr, "usage: %s timers|call_soon|threads [N]\n", program);
  exit(2);
}

struct loop_request read_loop_request(int argc, char** argv) {
  static const char* const names[] = {
      [LOOP_TIMERS] = "timers", [LOOP_CALL_SOON] = "call_soon", [LOOP_THREADS] = "threads"};
  if (argc < 2 || argc > 3) explain_usage(argv[0]);
  unsigned long long count = DEFAULT_COUNT;
  // Every chain gets at least one call.
  if (argc == 3 && (!read_number(argv[2], &count) || count < LOOP_CHAINS || count > MOST))
    explain_usage(argv[0]);
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
    if (strcmp(argv[1], names[i]) == 0) return (struct loop_request){(enum loop_work)i, (size_t)count};
  }
  explain_usage(argv[0]);
}

// --- what the timers are -----------------------------------------------------------------------------------

/// splitmix64: a number that looks random, the same for every library.
static uint64_t scrambled(uint64_t number) {
  number += 0x9e3779b97f4a7c15U;
  number = (number ^ (number >> 30U)) * 0xbf58476d1ce4e5b9U;
  number = (number ^ (number >> 27U)) * 0x94d049bb133111ebU;
  return number ^ (number >> 31U);
}

uint64_t far_milliseconds(size_t number) { return 1000 + scrambled(number) % 59000; }

uint64_t near_milliseconds(size_t number) { return scrambled(number) % LOOP_NEAR_MILLISECONDS; }

size_t* shuffled_numbers(size_t count) {
  size_t* numbers = malloc(count * sizeof *numbers);
  if (numbers == NULL) {
    perror("malloc");
    exit(1);
  }
  for (size_t i = 0; i < count; ++i) {
    const size_t other = scrambled(~i) % (i + 1);
    numbers[i] = numbers[other];
    numbers[other] = i;
  }
  return numbers;
}

void let_near_timers_become_due(void) {
  struct timespec left = {.tv_nsec = (LOOP_NEAR_MILLISECONDS + 10) * 1000000L};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

// --- time --------------------------------------------------------------------------------------------------

static uint64_t nanoseconds_of(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (uint64_t)time.tv_sec * 1000000000U + (uint64_t)time.tv_nsec;
}

uint64_t thread_nanoseconds(void) { return nanoseconds_of(CLOCK_THREAD_CPUTIME_ID); }

uint64_t process_nanoseconds(void) { return nanoseconds_of(CLOCK_PROCESS_CPUTIME_ID); }

uint64_t clock_nanoseconds(void) { return nanoseconds_of(CLOCK_MONOTONIC); }

// --- results -----------------------------------------------------------------------------------------------

static double each(uint64_t total, size_t count) { return (double)total / (double)count; }

void print_timers(size_t count, uint64_t insert, uint64_t cancel, uint64_t expire) {
  printf("{\"insert_ns\": %.2f, \"cancel_ns\": %.2f, \"expire_ns\": %.2f}\n", each(insert, count),
         each(cancel, count), each(expire, count));
}

void print_calls(size_t count, uint64_t nanoseconds) { printf("{\"ns\": %.2f}\n", each(nanoseconds, count)); }

void print_thread_calls(size_t count, uint64_t nanoseconds, uint64_t processor_nanoseconds) {
  printf("{\"ns\": %.2f, \"cpu_ns\": %.2f}\n", each(nanoseconds, count), each(processor_nanoseconds, count));
}
