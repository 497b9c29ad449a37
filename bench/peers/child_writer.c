// The child whose output is read: writes so many bytes to its standard output, 64 KiB at a time. CHILD_CORE
// names the core that it shall run on, instead of that of the program that reads.
#include "bare_sockets.h"
#include "peer.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

enum { WRITE_BYTES = 64 * 1024 };

/// Returns false where that can't be.
static bool move_to_core(const char* text) {
  unsigned long long core = 0;
  if (!read_number(text, &core) || core >= CPU_SETSIZE) return false;
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(core, &cores);
  return sched_setaffinity(0, sizeof cores, &cores) == 0;
}

int main(int argc, char** argv) {
  static char block[WRITE_BYTES];
  unsigned long long left = 0;
  const char* const core = getenv("CHILD_CORE");
  if (argc != 2 || !read_number(argv[1], &left) || (core != NULL && !move_to_core(core))) return 2;
  while (left > 0) {
    const ssize_t count = write(STDOUT_FILENO, block, left < sizeof block ? (size_t)left : sizeof block);
    if (count < 0 && errno != EINTR) fail("write");
    if (count > 0) left -= (unsigned long long)count;
  }
}
