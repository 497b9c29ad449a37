// See child_program.h.
#include "child_program.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

enum { MEBIBYTE = 1024 * 1024, MOST = 1000000, MOST_MEBIBYTES = 64 * 1024 };

// --- the command line --------------------------------------------------------------------------------------

_Noreturn static void explain_usage(const char* program, const char* own_usage) {
  fprintf(stderr,
          "usage: %s spawn COUNT CHILD [--at-a-time N] [--resident MIB]%s\n"
          "       %s output MIB CHILD%s\n",
          program, own_usage, program, own_usage);
  exit(2);
}

static bool read_between(const char* text, size_t least, size_t most, size_t* number) {
  unsigned long long read = 0;
  if (!read_number(text, &read) || read < least || read > most) return false;
  *number = (size_t)read;
  return true;
}

/// Pages of the ordinary size, as a heap of many small things has them; whatever is done with page tables,
/// huge pages would hide it.
static void keep_resident(size_t mebibytes) {
  const size_t size = mebibytes * MEBIBYTE;
  void* memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    perror("mmap");
    exit(1);
  }
  (void)madvise(memory, size, MADV_NOHUGEPAGE);  // a kernel without huge pages refuses, and has none
  memset(memory, 1, size);
}

static bool read_option(const char* name, const char* value, struct child_request* request) {
  if (request->work != CHILD_SPAWN) return false;
  if (strcmp(name, "--at-a-time") == 0) return read_between(value, 1, MOST, &request->at_a_time);
  size_t mebibytes = 0;
  if (strcmp(name, "--resident") != 0 || !read_between(value, 1, MOST_MEBIBYTES, &mebibytes)) return false;
  keep_resident(mebibytes);
  return true;
}

static bool read_work(char** argv, struct child_request* request) {
  if (strcmp(argv[1], "spawn") == 0) {
    request->work = CHILD_SPAWN;
    return read_between(argv[2], 1, MOST, &request->count);
  }
  size_t mebibytes = 0;
  if (strcmp(argv[1], "output") != 0 || !read_between(argv[2], 1, MOST_MEBIBYTES, &mebibytes)) return false;
  request->work = CHILD_OUTPUT;
  request->output_bytes = (uint64_t)mebibytes * MEBIBYTE;
  snprintf(request->output_text, sizeof request->output_text, "%" PRIu64, request->output_bytes);
  return true;
}

struct child_request read_child_request(int argc, char** argv, peer_option_reader read_own_option,
                                        const char* own_usage) {
  struct child_request request = {.at_a_time = 1};
  if (argc < 4 || argc % 2 != 0 || !read_work(argv, &request)) explain_usage(argv[0], own_usage);
  request.child = argv[3];
  for (int i = 4; i < argc; i += 2) {
    const bool is_known = read_option(argv[i], argv[i + 1], &request) ||
                          (read_own_option != NULL && read_own_option(argv[i], argv[i + 1]));
    if (!is_known) explain_usage(argv[0], own_usage);
  }
  return request;
}

// --- time --------------------------------------------------------------------------------------------------

struct moment {
  double clock;
  double own;
  double children;
};

static struct moment begun;

static double nanoseconds_of(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static double nanoseconds_in(struct timeval time) {
  return (double)time.tv_sec * 1e9 + (double)time.tv_usec * 1e3;
}

static struct moment now(void) {
  struct rusage children;
  getrusage(RUSAGE_CHILDREN, &children);
  return (struct moment){.clock = nanoseconds_of(CLOCK_MONOTONIC),
                         .own = nanoseconds_of(CLOCK_PROCESS_CPUTIME_ID),
                         .children = nanoseconds_in(children.ru_utime) + nanoseconds_in(children.ru_stime)};
}

void begin_child_work(void) { begun = now(); }

void end_child_work(const struct child_request* request) {
  const struct moment ended = now();
  const bool spawned = request->work == CHILD_SPAWN;
  const double units = spawned ? (double)request->count : (double)request->output_bytes / (64 * 1024);
  const double children = spawned ? ended.children - begun.children : 0;
  printf("{\"ns\": %.1f, \"cpu_ns\": %.1f}\n", (ended.clock - begun.clock) / units,
         (ended.own - begun.own + children) / units);
}

// --- what must be true -------------------------------------------------------------------------------------

void require_success(int64_t status) {
  if (status == 0) return;
  fprintf(stderr, "a child ended with status %" PRId64 "\n", status);
  exit(1);
}

void require_output(const struct child_request* request, uint64_t bytes) {
  if (bytes == request->output_bytes) return;
  fprintf(stderr, "a child's output had %" PRIu64 " bytes instead of %s\n", bytes, request->output_text);
  exit(1);
}
