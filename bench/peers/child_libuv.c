// libuv: children by uv_spawn, and their output by uv_read_start on a pipe, as its guide has it.
//
// A child without stdio containers has /dev/null as its 0, 1 and 2. All reads go into one buffer of the size
// that libuv suggests: its favourable case.
#include "child_program.h"

#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

static struct child_request request;
static uv_loop_t* loop;
static size_t left_to_start;
static uint64_t output_bytes;

static void check(int status, const char* what) {
  if (status >= 0) return;
  fprintf(stderr, "%s: %s\n", what, uv_strerror(status));
  exit(1);
}

static void on_exit_of_child(uv_process_t* child, int64_t status, int signal_number);

static void start(uv_process_t* child, int containers, uv_stdio_container_t* stdio) {
  // Whoever declared these meant that they are not changed.
  char* arguments[] = {(char*)(uintptr_t)request.child, containers > 0 ? request.output_text : NULL, NULL};
  const uv_process_options_t options = {.file = request.child,
                                        .args = arguments,
                                        .exit_cb = on_exit_of_child,
                                        .stdio_count = containers,
                                        .stdio = stdio};
  check(uv_spawn(loop, child, &options), request.child);
}

static void on_closed(uv_handle_t* handle) {
  if (left_to_start == 0) return;
  --left_to_start;
  start((uv_process_t*)handle, 0, NULL);
}

static void on_exit_of_child(uv_process_t* child, int64_t status, int signal_number) {
  require_success(signal_number != 0 ? -signal_number : status);
  uv_close((uv_handle_t*)child, on_closed);
}

static void spawn_all(void) {
  const size_t at_a_time = request.at_a_time < request.count ? request.at_a_time : request.count;
  uv_process_t* children = calloc(at_a_time, sizeof *children);
  if (children == NULL) check(UV_ENOMEM, "calloc");
  left_to_start = request.count - at_a_time;
  for (size_t i = 0; i < at_a_time; ++i) start(&children[i], 0, NULL);
  uv_run(loop, UV_RUN_DEFAULT);  // until no child is left
  free(children);
}

static void get_memory(uv_handle_t* handle, size_t suggested_size, uv_buf_t* memory) {
  (void)handle;
  (void)suggested_size;  // it is always this
  static char shared[CHILD_READ_BYTES];
  *memory = uv_buf_init(shared, sizeof shared);
}

static void on_read(uv_stream_t* stream, ssize_t count, const uv_buf_t* memory) {
  (void)memory;
  if (count >= 0) {
    output_bytes += (uint64_t)count;
    return;
  }
  if (count != UV_EOF) check((int)count, "read");
  uv_close((uv_handle_t*)stream, NULL);
}

static void read_output(void) {
  uv_pipe_t pipe;
  uv_process_t child;
  check(uv_pipe_init(loop, &pipe, 0), "uv_pipe_init");
  uv_stdio_container_t stdio[2] = {
      {.flags = UV_IGNORE},
      {.flags = (uv_stdio_flags)(UV_CREATE_PIPE | UV_WRITABLE_PIPE), .data.stream = (uv_stream_t*)&pipe}};
  start(&child, 2, stdio);
  check(uv_read_start((uv_stream_t*)&pipe, get_memory, on_read), "uv_read_start");
  uv_run(loop, UV_RUN_DEFAULT);  // until the pipe and the child are closed
  require_output(&request, output_bytes);
}

int main(int argc, char** argv) {
  request = read_child_request(argc, argv, NULL, "");
  loop = uv_default_loop();
  begin_child_work();
  if (request.work == CHILD_SPAWN) {
    spawn_all();
  } else {
    read_output();
  }
  end_child_work(&request);
}
