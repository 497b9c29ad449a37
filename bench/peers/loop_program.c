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

_Noreturn static void explain_usage(const char* program, const char* own_usage) {
  fprintf(stderr, "usage: %s timers|call_soon|threads [N]%s\n", program, own_usage);
  exit(2);
}

static bool read_work(const char* text, enum loop_work* work) {
  static const char* const names[] = {
      [LOOP_TIMERS] = "timers", [LOOP_CALL_SOON] = "call_soon", [LOOP_THREADS] = "threads"};
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
    if (strcmp(text, names[i]) != 0) continue;
    *work = (enum loop_work)i;
    return true;
  }
  return false;
}

/// Every chain gets at least one call.
static bool read_count(const char* text, size_t* count) {
  unsigned long long number = 0;
  if (!read_number(text, &number) || number < LOOP_CHAINS || number > MOST) return false;
  *count = (size_t)number;
  return true;
}

struct loop_request read_loop_request(int argc, char** argv, peer_option_reader read_own_option,
                                      const char* own_usage) {
  struct loop_request request = {.count = DEFAULT_COUNT};
  if (argc < 2 || !read_work(argv[1], &request.work)) explain_usage(argv[0], own_usage);
  int next = 2;
  if (next < argc && argv[next][0] != '-') {
    if (!read_count(argv[next], &request.count)) explain_usage(argv[0], own_usage);
    ++next;
  }
  for (; next < argc; next += 2) {
    const bool is_known =
        next + 1 < argc && read_own_option != NULL && read_own_option(argv[next], argv[next + 1]);
    if (!is_known) explain_usage(argv[0], own_usage);
  }
  return request;
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
