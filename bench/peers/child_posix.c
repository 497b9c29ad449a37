// Children without a library: posix_spawn and waitpid, and a loop of blocking reads.
#include "bare_sockets.h"
#include "child_program.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

static struct child_request request;

static void check(int error, const char* what) {
  if (error == 0) return;
  errno = error;
  fail(what);
}

static void start(const posix_spawn_file_actions_t* actions, char* argument) {
  // Whoever declared these meant that they are not changed.
  char* arguments[] = {(char*)(uintptr_t)request.child, argument, NULL};
  check(posix_spawn(&(pid_t){0}, request.child, actions, NULL, arguments, environ), request.child);
}

static void wait_for_one(void) {
  int status = 0;
  while (waitpid(-1, &status, 0) < 0) {
    if (errno != EINTR) fail("waitpid");
  }
  require_success(status);
}

static void spawn_all(void) {
  posix_spawn_file_actions_t actions;
  check(posix_spawn_file_actions_init(&actions), "posix_spawn_file_actions_init");
  for (int descriptor = 0; descriptor <= 2; ++descriptor) {
    const int flags = descriptor == 0 ? O_RDONLY : O_WRONLY;
    check(posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", flags, 0), "/dev/null");
  }
  size_t started = 0;
  size_t ended = 0;
  while (ended < request.count) {
    for (; started < request.count && started - ended < request.at_a_time; ++started) start(&actions, NULL);
    wait_for_one();
    ++ended;
  }
  posix_spawn_file_actions_destroy(&actions);
}

static void read_output(void) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) fail("pipe2");
  posix_spawn_file_actions_t actions;
  check(posix_spawn_file_actions_init(&actions), "posix_spawn_file_actions_init");
  check(posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO), "posix_spawn_file_actions_adddup2");
  start(&actions, request.output_text);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);

  static char memory[CHILD_READ_BYTES];
  uint64_t bytes = 0;
  for (;;) {
    const ssize_t count = read(ends[0], memory, sizeof memory);
    if (count < 0 && errno != EINTR) fail("read");
    if (count == 0) break;
    if (count > 0) bytes += (uint64_t)count;
  }
  close(ends[0]);
  wait_for_one();
  require_output(&request, bytes);
}

int main(int argc, char** argv) {
  request = read_child_request(argc, argv, NULL, "");
  begin_child_work();
  if (request.work == CHILD_SPAWN) {
    spawn_all();
  } else {
    read_output();
  }
  end_child_work(&request);
}
