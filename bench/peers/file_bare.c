// Bare sendfile: a file over and over to each connection, from the page cache to where the kernel takes it.
// One call per wake-up, for as much as there is room for: the reference of every comparison.
//
//     --file PATH    the file
#include "bare_loop.h"
#include "bare_sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

struct connection {
  int descriptor;
  off_t offset;  // of the next byte
};

static const char* path;
static int file = -1;
static off_t file_bytes;

// --- connections -------------------------------------------------------------------------------------------

static void on_connection(int descriptor) {
  struct connection* connection = allocate(sizeof *connection);
  *connection = (struct connection){.descriptor = descriptor};
  watch(descriptor, EPOLLOUT, connection);
}

static void send_some(void* whom, uint32_t events) {
  (void)events;  // whatever it is, the next call tells
  struct connection* connection = whom;
  const size_t left = (size_t)(file_bytes - connection->offset);
  const ssize_t count = sendfile(connection->descriptor, file, &connection->offset, left);
  if (count < 0 && is_transient(errno)) return;
  if (count < 0) {
    close(connection->descriptor);
    free(connection);
    return;
  }
  if (connection->offset == file_bytes) connection->offset = 0;
}

// --- the program -------------------------------------------------------------------------------------------

static bool read_own_option(const char* name, const char* value) {
  if (strcmp(name, "--file") != 0) return false;
  path = value;
  return true;
}

static void open_file(void) {
  file = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  struct stat status;
  if (file < 0 || fstat(file, &status) != 0) fail(path != NULL ? path : "--file");
  file_bytes = status.st_size;
}

int main(int argc, char** argv) {
  const struct peer_options options = start_peer(argc, argv, read_own_option, " --file PATH");
  open_file();
  (void)signal(SIGPIPE, SIG_IGN);  // sendfile can't be told; this can't fail
  run_bare_loop(&options, &(struct bare_handlers){.on_connection = on_connection, .on_event = send_some});
}
