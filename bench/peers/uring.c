// Bare io_uring: echo without a library, on completions instead of readiness.
//
// By default the kernel receives into buffers that it picks itself, as long as a connection lives
// (multishot), and each answer is sent straight out of the buffer it arrived in. One system call is one turn:
// it submits what the last turn prepared, and waits.
#include "bare_sockets.h"
#include "peer.h"
#include "shared/pattern.h"
#include "uring_answers.h"
#include "uring_buffers.h"
#include "uring_ring.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// --- options -----------------------------------------------------------------------------------------------

enum receiving {
  MULTISHOT,       // one request, a buffer for each completion
  BUNDLE,          // one request, as many buffers for a completion as there are bytes for
  INCREMENTAL,     // one request, completions that fill a large buffer one after the other
  SINGLE,          // a request for each completion
  POLL,            // a request that says when, and then recv into memory that all share
  POLL_MULTISHOT,  // the same, one request for all times
};

static const char* const receiving_names[] = {
    [MULTISHOT] = "multishot", [BUNDLE] = "bundle", [INCREMENTAL] = "incremental",
    [SINGLE] = "single",       [POLL] = "poll",     [POLL_MULTISHOT] = "poll-multishot",
};

static struct {
  enum peer_mode mode;
  size_t message_bytes;
  enum receiving receiving;
  size_t buffer_bytes;
  unsigned buffers;
  unsigned entries;
  bool is_deferring;
  bool sends_at_once;
} settings = {.buffer_bytes = 16 * 1024, .buffers = 256, .entries = 256, .is_deferring = true};

static const char* const own_usage =
    " [--receive multishot|bundle|incremental|single|poll|poll-multishot]\n"
    "       [--buffer-bytes N] [--buffers N] [--entries N] [--taskrun defer|coop] [--send async|sync]";

static bool read_power_of_two(const char* text, unsigned* number) {
  unsigned long long read = 0;
  if (!read_number(text, &read) || read == 0 || read > 32768 || (read & (read - 1)) != 0) return false;
  *number = (unsigned)read;
  return true;
}

/// Which of two words `value` is.
static bool read_choice(const char* value, const char* no, const char* yes, bool* is_yes) {
  *is_yes = strcmp(value, yes) == 0;
  return *is_yes || strcmp(value, no) == 0;
}

static bool read_receiving(const char* value) {
  for (size_t i = 0; i < sizeof receiving_names / sizeof *receiving_names; ++i) {
    if (strcmp(value, receiving_names[i]) != 0) continue;
    settings.receiving = (enum receiving)i;
    return true;
  }
  return false;
}

static bool read_buffer_bytes(const char* value) {
  unsigned long long size = 0;
  if (!read_number(value, &size) || size == 0 || size > (1U << 26U)) return false;
  settings.buffer_bytes = (size_t)size;
  return true;
}

static bool read_own_option(const char* name, const char* value) {
  if (strcmp(name, "--receive") == 0) return read_receiving(value);
  if (strcmp(name, "--buffer-bytes") == 0) return read_buffer_bytes(value);
  if (strcmp(name, "--buffers") == 0) return read_power_of_two(value, &settings.buffers);
  if (strcmp(name, "--entries") == 0) return read_power_of_two(value, &settings.entries);
  if (strcmp(name, "--taskrun") == 0) return read_choice(value, "coop", "defer", &settings.is_deferring);
  if (strcmp(name, "--send") == 0) return read_choice(value, "async", "sync", &settings.sends_at_once);
  return false;
}

static bool polls(void) { return settings.receiving == POLL || settings.receiving == POLL_MULTISHOT; }

// --- connections -------------------------------------------------------------------------------------------

struct connection {
  int descriptor;
  /// Submitted, and not yet completed for the last time: until then the kernel may still come back to us.
  unsigned requests;
  bool is_receiving;
  bool is_cancelling;
  bool is_sending;
  /// Nothing more will be received; what there is to be sent will be.
  bool has_ended;
  /// Nothing more will be sent either.
  bool is_broken;
  /// Polling: there may be more to receive, and that will not be reported again.
  bool is_readable;
  /// Polling: the peer sends nothing more, so what there is has an end.
  bool is_end_near;
  struct answers answers;
  /// Echo by messages: the beginning of one that has not arrived in full.
  char* part;
  size_t part_size;
  /// Generating: where in the pattern's period the next byte is.
  size_t pattern_offset;
  /// In the list of those that this turn has changed.
  struct connection* next_changed;
  bool is_changed;
  /// In the queue of those that wait for a buffer.
  struct connection* next_starved;
  bool is_starved;
};

static struct connection* changed;
static struct connection* starved;
static struct connection** starved_end = &starved;

/// What one connection may have unsent before nothing more is received from it.
static unsigned most_answers;

/// Polling: what has been received is answered before the next receive, so one buffer does for all.
static char* shared_buffer;

/// Generating: long enough that a whole block can be sent from anywhere in the first period.
static unsigned char pattern[PEER_BLOCK_BYTES + PATTERN_PERIOD_BYTES];

static void note_change(struct connection* connection) {
  if (connection->is_changed) return;
  connection->is_changed = true;
  connection->next_changed = changed;
  changed = connection;
}

static void note_starving(struct connection* connection) {
  connection->is_starved = true;
  connection->next_starved = NULL;
  *starved_end = connection;
  starved_end = &connection->next_starved;
}

static struct io_uring_sqe* new_request_of(struct connection* connection) {
  connection->requests += 1;
  return new_request();
}

/// Its requests are called off, and when the last has completed it is closed.
static void break_connection(struct connection* connection) {
  connection->is_broken = true;
  if (!connection->is_sending) drop_answers(&connection->answers);
}

static void close_connection(struct connection* connection) {
  close(connection->descriptor);
  drop_answers(&connection->answers);
  close_answers(&connection->answers);
  free(connection->part);
  free(connection);
}

static bool is_transient(int error) { return error == EAGAIN || error == EINTR; }

// --- what has been received --------------------------------------------------------------------------------

/// Completes the kept part with the beginning of a span. Only the message it becomes is an answer.
static void add_to_part(struct connection* connection, struct span* span) {
  const size_t missing = settings.message_bytes - connection->part_size;
  const size_t taken = span->size < missing ? span->size : missing;
  memcpy(connection->part + connection->part_size, span->bytes, taken);
  connection->part_size += taken;
  span->bytes += taken;
  span->size -= taken;
  if (taken < missing) return;
  add_answer(&connection->answers, (struct span){.bytes = connection->part,
                                                 .size = connection->part_size,
                                                 .buffer = NO_BUFFER,
                                                 .block = connection->part});
  connection->part = NULL;
  connection->part_size = 0;
}

/// Takes the beginning of a message from the end of a span.
static void keep_part(struct connection* connection, struct span* span) {
  const size_t size = span->size % settings.message_bytes;
  if (size == 0) return;
  span->size -= size;
  connection->part = allocate(settings.message_bytes);
  connection->part_size = size;
  memcpy(connection->part, span->bytes + span->size, size);
}

/// All complete messages leave with a single send, as those of bare epoll do.
static void take_span(struct connection* connection, struct span span) {
  const bool echoes = settings.mode == PEER_ECHO && !connection->is_broken;
  if (echoes && settings.message_bytes > 0) {
    if (connection->part_size > 0) add_to_part(connection, &span);
    keep_part(connection, &span);
  }
  if (echoes && span.size > 0) {
    add_answer(&connection->answers, span);
  } else {
    release_span(&span);
  }
}

// --- sending -----------------------------------------------------------------------------------------------

/// Sends what there is, as far as the kernel takes it at once.
static void send_now(struct connection* connection) {
  struct answers* answers = &connection->answers;
  while (count_answers(answers) > 0 && !connection->is_sending) {
    const int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    const struct span* first = &answers->spans[answers->first];
    const ssize_t count = is_single_answer(answers)
                              ? send(connection->descriptor, first->bytes, first->size, flags)
                              : sendmsg(connection->descriptor, gather_answers(answers), flags);
    if (count < 0) {
      if (!is_transient(errno)) break_connection(connection);
      return;
    }
    drop_sent(answers, (size_t)count);
  }
}

/// One send at a time: so they leave in order.
static void start_sending(struct connection* connection) {
  struct answers* answers = &connection->answers;
  const bool generates = settings.mode == PEER_GENERATE;
  if (connection->is_sending || connection->is_broken) return;
  if (!generates && count_answers(answers) == 0) return;

  struct io_uring_sqe* sqe = new_request_of(connection);
  const struct span* first = &answers->spans[answers->first];
  if (generates) {
    io_uring_prep_send(sqe, connection->descriptor, pattern + connection->pattern_offset, PEER_BLOCK_BYTES,
                       MSG_NOSIGNAL);
  } else if (is_single_answer(answers)) {
    // Waiting for all of it, the kernel goes on by itself when there is room again.
    io_uring_prep_send(sqe, connection->descriptor, first->bytes, first->size, MSG_NOSIGNAL | MSG_WAITALL);
  } else {
    io_uring_prep_sendmsg(sqe, connection->descriptor, gather_answers(answers), MSG_NOSIGNAL | MSG_WAITALL);
  }
  mark_request(sqe, REQUEST_SEND, connection);
  connection->is_sending = true;
}

static void on_sent(struct connection* connection, const struct io_uring_cqe* cqe) {
  connection->is_sending = false;
  connection->requests -= 1;
  if (cqe->res < 0 && !is_transient(-cqe->res)) break_connection(connection);
  if (connection->is_broken) {
    drop_answers(&connection->answers);
  } else if (cqe->res > 0 && settings.mode == PEER_GENERATE) {
    connection->pattern_offset = (connection->pattern_offset + (size_t)cqe->res) % PATTERN_PERIOD_BYTES;
  } else if (cqe->res > 0) {
    drop_sent(&connection->answers, (size_t)cqe->res);
  }
}

// --- receiving ---------------------------------------------------------------------------------------------

static void start_receiving(struct connection* connection) {
  struct io_uring_sqe* sqe = new_request_of(connection);
  if (settings.receiving == POLL) {
    io_uring_prep_poll_add(sqe, connection->descriptor, POLLIN);
  } else if (settings.receiving == POLL_MULTISHOT) {
    io_uring_prep_poll_multishot(sqe, connection->descriptor, POLLIN | POLLRDHUP);
  } else {
    io_uring_prep_recv(sqe, connection->descriptor, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = BUFFER_GROUP;
    sqe->ioprio = settings.receiving == SINGLE ? IORING_RECVSEND_POLL_FIRST : IORING_RECV_MULTISHOT;
    if (settings.receiving == BUNDLE) sqe->ioprio |= RECVSEND_BUNDLE;
  }
  mark_request(sqe, polls() ? REQUEST_POLL : REQUEST_RECEIVE, connection);
  connection->is_receiving = true;
}

static void stop_receiving(struct connection* connection) {
  struct io_uring_sqe* sqe = new_request_of(connection);
  io_uring_prep_cancel64(sqe, mark_of(REQUEST_RECEIVE, connection), 0);
  mark_request(sqe, REQUEST_CANCEL, connection);
  connection->is_cancelling = true;
}

static void note_completion(struct connection* connection, const struct io_uring_cqe* cqe) {
  if (cqe->flags & IORING_CQE_F_MORE) return;
  connection->is_receiving = false;
  connection->requests -= 1;
}

static void on_received(struct connection* connection, const struct io_uring_cqe* cqe) {
  note_completion(connection, cqe);
  if (cqe->flags & IORING_CQE_F_BUFFER) {
    struct delivery delivery = open_delivery(cqe);
    for (struct span span; next_span(&delivery, &span);) take_span(connection, span);
    if (settings.sends_at_once) send_now(connection);
  }
  if (cqe->res > 0 || is_transient(-cqe->res) || cqe->res == -ECANCELED) return;
  if (cqe->res == -ENOBUFS) {
    note_starving(connection);
    return;
  }
  connection->has_ended = true;
  if (cqe->res < 0) break_connection(connection);
}

/// Receives and answers, until nothing is there or an answer has to wait. A poll of one time asks again, and
/// is told; otherwise everything must be taken now. A receive that leaves room in the buffer has taken
/// everything, unless the end is behind it.
static void receive_now(struct connection* connection) {
  while (connection->is_readable && !connection->is_broken && count_answers(&connection->answers) == 0) {
    const ssize_t count = recv(connection->descriptor, shared_buffer, settings.buffer_bytes, MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    connection->is_readable = false;
    if (count < 0 && errno == EAGAIN) return;
    connection->has_ended = count <= 0;
    if (count < 0) break_connection(connection);
    if (count <= 0) return;
    take_span(connection, (struct span){.bytes = shared_buffer, .size = (size_t)count, .buffer = NO_BUFFER});
    send_now(connection);
    own_answers(&connection->answers);
    connection->is_readable = settings.receiving == POLL_MULTISHOT &&
                              (connection->is_end_near || (size_t)count == settings.buffer_bytes);
  }
}

static void on_polled(struct connection* connection, const struct io_uring_cqe* cqe) {
  note_completion(connection, cqe);
  if (cqe->res < 0) {
    if (cqe->res != -ECANCELED) break_connection(connection);
    return;
  }
  connection->is_readable = true;
  if ((cqe->res & (POLLRDHUP | POLLHUP | POLLERR)) != 0) connection->is_end_near = true;
  receive_now(connection);
}

// --- a turn ------------------------------------------------------------------------------------------------

static bool may_receive(const struct connection* connection) {
  if (connection->has_ended || connection->is_broken) return false;
  // A poll of one time is asked for when the answer has gone, as bare epoll does it.
  if (settings.receiving == POLL) return count_answers(&connection->answers) == 0;
  if (settings.receiving == POLL_MULTISHOT) return true;
  // A peer that does not read gets no more of the buffers than its share.
  return !connection->is_sending || count_answers(&connection->answers) < most_answers;
}

/// What is to be done about a connection after everything that has happened to it in this turn.
static void settle(struct connection* connection) {
  if (connection->is_readable) receive_now(connection);
  if (!may_receive(connection)) {
    if (connection->is_receiving && !connection->is_cancelling) stop_receiving(connection);
  } else if (!connection->is_receiving && !connection->is_starved) {
    start_receiving(connection);
  }
  // A blocked send is from an earlier turn: this is after the receiving has been judged.
  start_sending(connection);
  const bool is_done =
      connection->is_broken || (connection->has_ended && count_answers(&connection->answers) == 0);
  if (is_done && connection->requests == 0 && !connection->is_starved) close_connection(connection);
}

static void settle_changed(void) {
  while (changed != NULL) {
    struct connection* connection = changed;
    changed = connection->next_changed;
    connection->is_changed = false;
    settle(connection);
  }
}

/// First come, first served; a connection that finds no buffer again goes to the end.
static void settle_starved(unsigned buffers) {
  for (; starved != NULL && buffers > 0; --buffers) {
    struct connection* connection = starved;
    starved = connection->next_starved;
    if (starved == NULL) starved_end = &starved;
    connection->is_starved = false;
    settle(connection);
  }
}

// --- the server --------------------------------------------------------------------------------------------

static int listener = -1;
static int stop_signals = -1;
static bool is_stopping;

static void start_accepting(void) {
  struct io_uring_sqe* sqe = new_request();
  io_uring_prep_multishot_accept(sqe, listener, NULL, NULL, SOCK_CLOEXEC);
  mark_request(sqe, REQUEST_ACCEPT, NULL);
}

static void watch_stop_signals(void) {
  struct io_uring_sqe* sqe = new_request();
  io_uring_prep_poll_add(sqe, stop_signals, POLLIN);
  mark_request(sqe, REQUEST_STOP, NULL);
}

static void on_accepted(const struct io_uring_cqe* cqe) {
  if ((cqe->flags & IORING_CQE_F_MORE) == 0) start_accepting();
  if (cqe->res == -ECONNABORTED || is_transient(-cqe->res)) return;  // given up while it waited
  if (cqe->res < 0) {
    errno = -cqe->res;
    fail("accept");
  }
  struct connection* connection = allocate(sizeof *connection);
  *connection = (struct connection){.descriptor = cqe->res};
  note_change(connection);
}

static void on_completion(const struct io_uring_cqe* cqe) {
  struct connection* connection = whom_of(cqe);
  switch (request_of(cqe)) {
    case REQUEST_ACCEPT:
      on_accepted(cqe);
      return;
    case REQUEST_STOP:
      is_stopping = true;
      return;
    case REQUEST_RECEIVE:
      on_received(connection, cqe);
      break;
    case REQUEST_POLL:
      on_polled(connection, cqe);
      break;
    case REQUEST_SEND:
      on_sent(connection, cqe);
      break;
    case REQUEST_CANCEL:
      connection->is_cancelling = false;
      connection->requests -= 1;
      break;
  }
  note_change(connection);
}

static void serve(void) {
  start_accepting();
  watch_stop_signals();
  while (!is_stopping) {
    submit_and_wait();
    struct io_uring_cqe* cqe = NULL;
    unsigned head = 0;
    unsigned count = 0;
    io_uring_for_each_cqe(&ring, head, cqe) {
      on_completion(cqe);
      ++count;
    }
    io_uring_cq_advance(&ring, count);
    settle_changed();
    settle_starved(give_back_buffers());
  }
}

int main(int argc, char** argv) {
  const struct peer_options options = start_peer(argc, argv, read_own_option, own_usage);
  settings.mode = options.mode;
  settings.message_bytes = options.message_bytes;
  if (settings.mode == PEER_GENERATE) fill_with_pattern(pattern, sizeof pattern);
  most_answers = settings.buffers / 8 > 0 ? settings.buffers / 8 : 1;

  open_ring(settings.entries, settings.is_deferring);
  if (polls()) {
    shared_buffer = allocate(settings.buffer_bytes);
  } else {
    open_buffers(settings.buffer_bytes, settings.buffers, settings.receiving == INCREMENTAL);
  }
  stop_signals = open_stop_signals();
  listener = open_listener(&options);
  serve();
  end_peer(&options);
}
