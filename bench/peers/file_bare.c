// Bare sendfile: a file over and over to each connection, from the page cache to where the kernel takes it.
// One call per wake-up, for as much as there is room for: the reference of every comparison.
//
//     --file PATH    the file
#include "bare_sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct connection {
  int descriptor;
  off_t offset;  // of the next byte
};

static const char* path;
static int file = -1;
static off_t file_bytes;
static int epoll = -1;

// --- connections -------------------------------------------------------------------------------------------

static void watch(int descriptor, uint32_t interest, void* whom) {
  struct epoll_event event = {.events = interest, .data.ptr = whom};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) != 0) fail("epoll_ctl");
}

static void accept_connections(int listener) {
  for (;;) {
    const int descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0 && errno == ECONNABORTED) continue;  // given up while it waited
    if (descriptor < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (descriptor < 0) fail("accept4");
    struct connection* connection = allocate(sizeof *connection);
    *connection = (struct connection){.descriptor = descriptor};
    watch(descriptor, EPOLLOUT, connection);
  }
}

static void send_some(struct connection* connection) {
  const size_t left = (size_t)(file_bytes - connection->offset);
  const ssize_t count = sendfile(connection->descriptor, file, &connection->offset, left);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
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
  epoll = epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) fail("epoll_create1");
  int stop = open_stop_signals();
  watch(stop, EPOLLIN, &stop);
  int listener = open_listener(&options);
  watch(listener, EPOLLIN, &listener);

  for (bool stopping = false; !stopping;) {
    struct epoll_event events[512];
    const int count = epoll_wait(epoll, events, sizeof events / sizeof *events, -1);
    if (count < 0 && errno != EINTR) fail("epoll_wait");
    for (int i = 0; i < count; ++i) {
      void* const whom = events[i].data.ptr;
      if (whom == &stop) {
        stopping = true;
      } else if (whom == &listener) {
        accept_connections(listener);
      } else {
        send_some(whom);
      }
    }
  }
  end_peer(&options);
}
