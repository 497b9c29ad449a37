// Bare epoll and OpenSSL at their best: one receive for many records, and one send.
//
// OpenSSL never sees the socket. What a receive brings lies in one piece of memory for all connections, and
// OpenSSL takes its records from there (a BIO of our own: nothing is copied that OpenSSL does not copy
// itself). What it encrypts is collected, and leaves in one send when all that was received has been
// answered. Only where the kernel does not take all of it does a connection keep memory of its own.
#include "bare_loop.h"
#include "bare_sockets.h"
#include "tls_peer.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  RECEIVE_BYTES = 256 * 1024,
  /// Answers to that, with the record that was waiting for its end, and what a handshake has to say.
  OUTPUT_BYTES = RECEIVE_BYTES + 32 * 1024,
  /// A generating connection encrypts as much, and sends it, before the others have their turn.
  GENERATE_BYTES = RECEIVE_BYTES,
};

static enum peer_mode mode;
static SSL_CTX* context;

// --- output ------------------------------------------------------------------------------------------------

/// Encrypted bytes on their way to one peer.
struct output {
  struct output* next_spare;
  size_t first;
  size_t end;
  char bytes[OUTPUT_BYTES];
};

/// The one that OpenSSL writes to now, and those that are waiting for their turn.
static struct output* output;
static struct output* spare_outputs;

static void begin_output(void) {
  if (output == NULL && spare_outputs != NULL) {
    output = spare_outputs;
    spare_outputs = output->next_spare;
  }
  if (output == NULL) output = allocate(sizeof *output);
  output->first = output->end = 0;
}

static void spare(struct output* used_up) {
  if (used_up == NULL) return;
  used_up->next_spare = spare_outputs;
  spare_outputs = used_up;
}

// --- the BIO -----------------------------------------------------------------------------------------------

/// What was received and OpenSSL has not taken yet.
static const char* lent;
static size_t lent_bytes;

static int take_lent(BIO* bio, char* memory, size_t size, size_t* count) {
  BIO_clear_retry_flags(bio);
  if (lent_bytes == 0) {
    BIO_set_retry_read(bio);
    return 0;
  }
  *count = size < lent_bytes ? size : lent_bytes;
  memcpy(memory, lent, *count);
  lent += *count;
  lent_bytes -= *count;
  return 1;
}

static int put_out(BIO* bio, const char* bytes, size_t size, size_t* count) {
  BIO_clear_retry_flags(bio);
  if (size > OUTPUT_BYTES - output->end) return 0;  // more than an honest peer can ask for
  memcpy(output->bytes + output->end, bytes, size);
  output->end += size;
  *count = size;
  return 1;
}

static long control_bio(BIO* bio, int command, long number, void* pointer) {
  (void)bio, (void)number, (void)pointer;
  return command == BIO_CTRL_FLUSH;
}

/// One for all connections: it is always about the one that is being served.
static BIO* make_bio(void) {
  BIO_METHOD* const method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "memory");
  if (method == NULL || BIO_meth_set_read_ex(method, take_lent) != 1 ||
      BIO_meth_set_write_ex(method, put_out) != 1 || BIO_meth_set_ctrl(method, control_bio) != 1) {
    fail_in_openssl("BIO_meth_new");
  }
  BIO* const bio = BIO_new(method);
  if (bio == NULL) fail_in_openssl("BIO_new");
  BIO_set_init(bio, 1);
  return bio;
}

static BIO* bio_of_all;

// --- connections -------------------------------------------------------------------------------------------

struct connection {
  int descriptor;
  SSL* ssl;
  /// What the kernel has not taken yet; nothing is received meanwhile.
  struct output* unsent;
  /// Generating: where in the stream the next byte is.
  size_t position;
  /// Nothing follows what is unsent.
  bool is_over;
};

static void on_connection(int descriptor) {
  struct connection* connection = allocate(sizeof *connection);
  *connection = (struct connection){.descriptor = descriptor, .ssl = SSL_new(context)};
  if (connection->ssl == NULL || BIO_up_ref(bio_of_all) != 1) fail_in_openssl("SSL_new");
  SSL_set_bio(connection->ssl, bio_of_all, bio_of_all);
  SSL_set_accept_state(connection->ssl);
  watch(descriptor, EPOLLIN, connection);
}

static void close_connection(struct connection* connection) {
  close(connection->descriptor);
  SSL_free(connection->ssl);
  spare(connection->unsent);
  free(connection);
}

/// What it wants to be told of once nothing is unsent.
static uint32_t interest_of(const struct connection* connection) {
  return mode == PEER_GENERATE && SSL_is_init_finished(connection->ssl) ? EPOLLIN | EPOLLOUT : EPOLLIN;
}

/// Sends `bytes` as far as the kernel takes them. Returns false where the connection broke.
static bool send_some(const struct connection* connection, struct output* bytes) {
  if (bytes->first == bytes->end) return true;
  const ssize_t count =
      send(connection->descriptor, bytes->bytes + bytes->first, bytes->end - bytes->first, MSG_NOSIGNAL);
  if (count < 0) return is_transient(errno);
  bytes->first += (size_t)count;
  return true;
}

/// Sends what OpenSSL has written; the connection is closed where it is over.
static void flush(struct connection* connection) {
  const bool is_whole = send_some(connection, output);
  if (is_whole && output->first < output->end) {
    connection->unsent = output;
    output = NULL;
    change_interest(connection->descriptor, EPOLLOUT, connection);
  } else if (!is_whole || connection->is_over) {
    close_connection(connection);
  }
}

static void send_unsent(struct connection* connection) {
  struct output* const unsent = connection->unsent;
  if (!send_some(connection, unsent)) {
    close_connection(connection);
    return;
  }
  if (unsent->first < unsent->end) return;
  spare(unsent);
  connection->unsent = NULL;
  if (connection->is_over) {
    close_connection(connection);
  } else {
    change_interest(connection->descriptor, interest_of(connection), connection);
  }
}

// --- records -----------------------------------------------------------------------------------------------

/// All that was lent, decrypted, and answered where that is asked for. Returns whether the peer goes on.
static bool take_records(SSL* ssl) {
  static char plaintext[TLS_MESSAGE_BYTES];
  for (;;) {
    const int count = SSL_read(ssl, plaintext, sizeof plaintext);
    if (count > 0) {
      if (mode == PEER_ECHO && SSL_write(ssl, plaintext, count) != count) return false;
      // Asking once more just to hear that there is nothing would cost as much as a small record.
      if (lent_bytes == 0 && SSL_pending(ssl) == 0) return true;
      continue;
    }
    switch (SSL_get_error(ssl, count)) {
      case SSL_ERROR_WANT_READ:
        return true;
      case SSL_ERROR_ZERO_RETURN:
        (void)SSL_shutdown(ssl);  // 1: both sides have said it now; a failure changes nothing
        return false;
      default:
        ERR_clear_error();  // an alert tells the peer; the others are not disturbed
        return false;
    }
  }
}

static void receive(struct connection* connection) {
  static char received[RECEIVE_BYTES];
  const ssize_t count = recv(connection->descriptor, received, sizeof received, 0);
  if (count < 0 && is_transient(errno)) return;
  if (count <= 0) {
    close_connection(connection);
    return;
  }
  lent = received;
  lent_bytes = (size_t)count;
  begin_output();
  const bool was_ready = SSL_is_init_finished(connection->ssl);
  connection->is_over = !take_records(connection->ssl);
  if (!was_ready && mode == PEER_GENERATE && !connection->is_over) {
    change_interest(connection->descriptor, interest_of(connection), connection);
  }
  flush(connection);
}

static void generate(struct connection* connection) {
  begin_output();
  for (size_t size = 0; size < GENERATE_BYTES; size += TLS_MESSAGE_BYTES) {
    connection->is_over =
        SSL_write(connection->ssl, pattern_from(connection->position), TLS_MESSAGE_BYTES) <= 0;
    if (connection->is_over) break;
    connection->position += TLS_MESSAGE_BYTES;
  }
  flush(connection);
}

static void on_event(void* whom, uint32_t events) {
  struct connection* connection = whom;
  if (connection->unsent != NULL) {
    send_unsent(connection);
  } else if (events & ~(uint32_t)EPOLLOUT) {
    receive(connection);
  } else {
    generate(connection);
  }
}

int main(int argc, char** argv) {
  const struct peer_options options = start_tls_peer(argc, argv, &context);
  mode = options.mode;
  bio_of_all = make_bio();
  run_bare_loop(&options, &(struct bare_handlers){.on_connection = on_connection, .on_event = on_event});
}
