// See bare_sockets.h.
#include "bare_sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>

_Noreturn void fail(const char* what) {
  perror(what);
  exit(1);
}

void* allocate(size_t size) {
  void* memory = malloc(size);
  if (memory == NULL) fail("malloc");
  return memory;
}

// --- listening ---------------------------------------------------------------------------------------------

static int listen_unix(const char* path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (snprintf(address.sun_path, sizeof address.sun_path, "%s", path) >= (int)sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    fail(path);
  }
  const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (listener < 0) fail("socket");
  if (bind(listener, (struct sockaddr*)&address, sizeof address) != 0) fail(path);
  if (listen(listener, PEER_BACKLOG) != 0) fail("listen");
  announce_path(path);
  return listener;
}

static int listen_tcp(uint16_t port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (listener < 0) fail("socket");
  if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) != 0) fail("SO_REUSEADDR");
  // What it accepts inherits this: no call per connection.
  if (setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)) != 0) fail("TCP_NODELAY");
  if (bind(listener, (struct sockaddr*)&address, sizeof address) != 0) fail("bind");
  if (listen(listener, PEER_BACKLOG) != 0) fail("listen");
  socklen_t size = sizeof address;
  if (getsockname(listener, (struct sockaddr*)&address, &size) != 0) fail("getsockname");
  announce_port(ntohs(address.sin_port));
  return listener;
}

int open_listener(const struct peer_options* options) {
  return options->path != NULL ? listen_unix(options->path) : listen_tcp(options->port);
}

// --- the end -----------------------------------------------------------------------------------------------

int open_stop_signals(void) {
  sigset_t stops;
  sigemptyset(&stops);
  sigaddset(&stops, SIGTERM);
  sigaddset(&stops, SIGINT);
  if (sigprocmask(SIG_BLOCK, &stops, NULL) != 0) fail("sigprocmask");
  const int descriptor = signalfd(-1, &stops, SFD_NONBLOCK | SFD_CLOEXEC);
  if (descriptor < 0) fail("signalfd");
  return descriptor;
}
