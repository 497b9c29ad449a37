// See bare_loop.h.
#include "bare_loop.h"

#include "bare_sockets.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

static int epoll = -1;

static void control(int operation, int descriptor, uint32_t interest, void* whom) {
  struct epoll_event event = {.events = interest, .data.ptr = whom};
  if (epoll_ctl(epoll, operation, descriptor, &event) != 0) fail("epoll_ctl");
}

void watch(int descriptor, uint32_t interest, void* whom) {
  control(EPOLL_CTL_ADD, descriptor, interest, whom);
}

void change_interest(int descriptor, uint32_t interest, void* whom) {
  control(EPOLL_CTL_MOD, descriptor, interest, whom);
}

bool is_transient(int error) { return error == EAGAIN || error == EINTR; }

static void accept_connections(int listener, const struct bare_handlers* handlers) {
  for (;;) {
    const int descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0 && errno == ECONNABORTED) continue;  // given up while it waited
    if (descriptor < 0 && is_transient(errno)) return;
    if (descriptor < 0) fail("accept4");
    handlers->on_connection(descriptor);
  }
}

void run_bare_loop(const struct peer_options* options, const struct bare_handlers* handlers) {
  epoll = epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) fail("epoll_create1");
  int stop = open_stop_signals();
  watch(stop, EPOLLIN, &stop);
  int listener = open_listener(options);
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
        accept_connections(listener, handlers);
      } else {
        handlers->on_event(whom, events[i].events);
      }
    }
  }
  end_peer(options);
}
