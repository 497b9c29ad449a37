// The child whose output is read: writes so many bytes to its standard output, 64 KiB at a time.
#include "bare_sockets.h"
#include "peer.h"

#include <errno.h>
#include <unistd.h>

enum { WRITE_BYTES = 64 * 1024 };

int main(int argc, char** argv) {
  static char block[WRITE_BYTES];
  unsigned long long left = 0;
  if (argc != 2 || !read_number(argv[1], &left)) return 2;
  while (left > 0) {
    const ssize_t count = write(STDOUT_FILENO, block, left < sizeof block ? (size_t)left : sizeof block);
    if (count < 0 && errno != EINTR) fail("write");
    if (count > 0) left -= (unsigned long long)count;
  }
}
