// Bare io_uring: echo without a library, on completions instead of readiness.
//
// By default the kernel receives into buffers that it picks itself, as long as a connection lives
// (multishot), and each answer is sent straight out of the buffer it arrived in. One system call is one turn:
// it submits what the last turn prepared, and waits. The other ways of receiving and sending are there to be
// measured beside it.
#include "bare_sockets.h"
#include "peer.h"
#include "shared/pattern.h"
#include "uring_answers.h"
#include "uring_buffers.h"
#include "uring_ring.h"
#include "uring_settings.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct uring_settings settings;

// --- connections -------------------------------------------------------------------------------------------

struct connection {
  int descriptor;
  /// Submitted, and not yet completed for the last time: until then the kernel may still come back to us.
  unsigned requests;
  bool is_receiving;
  bool is_cancelling;
  bool is_sending;
  /// The peer does not read as fast as it sends. Its answers are kept in memory of their own, so that it
  /// can't hold the buffers that all need, and nothing is received from it.
  bool is_blocked;
  /// Nothing more will be received; what there is to be sent will be.
  bool has_ended;
  /// Nothing more will be sent either.
  bool is_broken;
  /// There is more to receive. Polling with one request for all times, that will not be reported again.
  bool is_readable;
  /// Polling: the peer sends nothing more, so what there is has an end.
  bool is_end_near;
  struct answers answers;
  /// Echo by messages: the beginning of one that has not arrived in full.
  char* part;
  size_t part_size;
  /// Generating: where in the pattern's period the next byte is.
  size_t pattern_offset;
  /// How much the send has been given that is on its way.
  size_t sending_bytes;
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
  if (connection->is_sending) return;
  while (count_answers(answers) > 0 && !connection->is_blocked) {
    const int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    const struct span* first = &answers->spans[answers->first];
    const ssize_t count =
        is_single_answer(answers)
            ? send(connection->descriptor, first->bytes, first->size, flags)
            : sendmsg(connection->descriptor, gather_answers(answers, &connection->sending_bytes), flags);
    if (count >= 0) {
      drop_sent(answers, (size_t)count);
    } else if (is_transient(errno)) {
      connection->is_blocked = true;
    } else {
      break_connection(connection);
      return;
    }
  }
}

/// One send at a time: so they leave in order.
static void start_sending(struct connection* connection) {
  struct answers* answers = &connection->answers;
  const bool generates = settings.mode == PEER_GENERATE;
  if (connection->is_sending || connection->is_broken) return;
  if (generates ? connection->has_ended : count_answers(answers) == 0) return;

  // The first attempt does not wait, for it would keep buffers meanwhile. Once it has to wait, the kernel
  // goes on by itself when there is room.
  const int flags = MSG_NOSIGNAL | (connection->is_blocked ? MSG_WAITALL : MSG_DONTWAIT);
  struct io_uring_sqe* sqe = new_request_of(connection);
  if (generates) {
    connection->sending_bytes = PEER_BLOCK_BYTES;
    io_uring_prep_send(sqe, connection->descriptor, pattern + connection->pattern_offset, PEER_BLOCK_BYTES,
                       MSG_NOSIGNAL);
  } else if (is_single_answer(answers)) {
    const struct span* first = &answers->spans[answers->first];
    connection->sending_bytes = first->size;
    io_uring_prep_send(sqe, connection->descriptor, first->bytes, first->size, flags);
  } else {
    const struct msghdr* message = gather_answers(answers, &connection->sending_bytes);
    io_uring_prep_sendmsg(sqe, connection->descriptor, message, (unsigned)flags);
  }
  mark_request(sqe, REQUEST_SEND, connection);
  connection->is_sending = true;
}

static void on_sent(struct connection* connection, const struct io_uring_cqe* cqe) {
  connection->is_sending = false;
  connection->requests -= 1;
  if (cqe->res < 0 && !is_transient(-cqe->res)) break_connection(connection);
  const size_t sent = cqe->res > 0 ? (size_t)cqe->res : 0;
  if (connection->is_broken) {
    drop_answers(&connection->answers);
  } else if (settings.mode == PEER_GENERATE) {
    connection->pattern_offset = (connection->pattern_offset + sent) % PATTERN_PERIOD_BYTES;
  } else {
    drop_sent(&connection->answers, sent);
    connection->is_blocked = sent < connection->sending_bytes ||
                             (connection->is_blocked && count_answers(&connection->answers) > 0);
  }
}

// --- receiving ---------------------------------------------------------------------------------------------

static enum request receiving_request(void) { return polls(&settings) ? REQUEST_POLL : REQUEST_RECEIVE; }

static unsigned receiving_flags(const struct connection* connection) {
  switch (settings.receiving) {
    case RECEIVE_SINGLE:
      return connection->is_readable ? 0U : IORING_RECVSEND_POLL_FIRST;
    case RECEIVE_BUNDLE:
      return IORING_RECV_MULTISHOT | RECVSEND_BUNDLE;
    default:
      return IORING_RECV_MULTISHOT;
  }
}

static void start_receiving(struct connection* connection) {
  struct io_uring_sqe* sqe = new_request_of(connection);
  if (settings.receiving == RECEIVE_POLL) {
    io_uring_prep_poll_add(sqe, connection->descriptor, POLLIN);
  } else if (settings.receiving == RECEIVE_POLL_MULTISHOT) {
    io_uring_prep_poll_multishot(sqe, connection->descriptor, POLLIN | POLLRDHUP);
  } else {
    io_uring_prep_recv(sqe, connection->descriptor, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = BUFFER_GROUP;
    sqe->ioprio = (uint16_t)receiving_flags(connection);
  }
  mark_request(sqe, receiving_request(), connection);
  connection->is_receiving = true;
}

static void stop_receiving(struct connection* connection) {
  struct io_uring_sqe* sqe = new_request_of(connection);
  io_uring_prep_cancel64(sqe, mark_of(receiving_request(), connection), 0);
  mark_request(sqe, REQUEST_CANCEL, connection);
  connection->is_cancelling = true;
}

static void note_completion(struct connection* connection, const struct io_uring_cqe* cqe) {
  if (cqe->flags & IORING_CQE_F_MORE) return;
  connection->is_receiving = false;
  connection->is_cancelling = false;
  connection->requests -= 1;
}

static void on_received(struct connection* connection, const struct io_uring_cqe* cqe) {
  note_completion(connection, cqe);
  connection->is_readable = (cqe->flags & IORING_CQE_F_SOCK_NONEMPTY) != 0;
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
    own_answers(&connection->answers);  // the memory is needed for the next
    connection->is_readable = settings.receiving == RECEIVE_POLL_MULTISHOT &&
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
  // A poll of all times may stay: it brings no bytes.
  return settings.receiving == RECEIVE_POLL_MULTISHOT || !connection->is_blocked;
}

/// What is to be done about a connection after everything that has happened to it in this turn.
static void settle(struct connection* connection) {
  if (connection->is_readable && polls(&settings)) receive_now(connection);
  if (!may_receive(connection)) {
    if (connection->is_receiving && !connection->is_cancelling) stop_receiving(connection);
  } else if (!connection->is_receiving && !connection->is_starved) {
    start_receiving(connection);
  }
  if (connection->is_blocked) own_answers(&connection->answers);
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
      // Whatever came of it, the request that was called off says when it has ended.
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
  struct peer_options options;
  settings = read_settings(argc, argv, &options);
  if (settings.mode == PEER_GENERATE) fill_with_pattern(pattern, sizeof pattern);

  open_ring(settings.entries, settings.is_deferring);
  if (polls(&settings)) {
    shared_buffer = allocate(settings.buffer_bytes);
  } else {
    open_buffers(settings.buffer_bytes, settings.buffers, settings.receiving == RECEIVE_INCREMENTAL);
  }
  stop_signals = open_stop_signals();
  listener = open_listener(&options);
  serve();
  end_peer(&options);
}
