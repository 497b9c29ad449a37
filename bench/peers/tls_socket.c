// Bare epoll and OpenSSL as one writes it first: OpenSSL reads from the socket and writes to it, record by
// record.
#include "bare_loop.h"
#include "bare_sockets.h"
#include "tls_peer.h"

#include <openssl/err.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
  /// Then the other connections have their turn.
  BYTES_PER_TURN = 256 * 1024,
};

static enum peer_mode mode;
static SSL_CTX* context;

struct connection {
  int descriptor;
  SSL* ssl;
  /// An answer that has to be written once more; nothing is read meanwhile.
  char* unsent;
  int unsent_bytes;
  /// Generating: where in the stream the next byte is.
  size_t position;
};

static void on_connection(int descriptor) {
  struct connection* connection = allocate(sizeof *connection);
  *connection = (struct connection){.descriptor = descriptor, .ssl = SSL_new(context)};
  if (connection->ssl == NULL || SSL_set_fd(connection->ssl, descriptor) != 1) fail_in_openssl("SSL_new");
  SSL_set_accept_state(connection->ssl);
  watch(descriptor, EPOLLIN, connection);
}

static void close_connection(struct connection* connection) {
  SSL_free(connection->ssl);
  close(connection->descriptor);
  free(connection->unsent);
  free(connection);
}

/// Whether a call that returned `result` may succeed later. If not, the connection is closed, in order where
/// the peer has ended it in order.
static bool may_go_on(struct connection* connection, int result) {
  switch (SSL_get_error(connection->ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:  // of a handshake there is never more than a fresh socket takes
      return true;
    case SSL_ERROR_ZERO_RETURN:
      (void)SSL_shutdown(connection->ssl);  // a failure changes nothing
      break;
    default:
      ERR_clear_error();  // an alert tells the peer; the others are not disturbed
      break;
  }
  close_connection(connection);
  return false;
}

/// Returns false where not all of it could be written now, or the connection broke and is no more.
static bool answer(struct connection* connection, const char* bytes, int size) {
  const int count = SSL_write(connection->ssl, bytes, size);
  if (count > 0) return true;
  if (!may_go_on(connection, count)) return false;
  connection->unsent = allocate((size_t)size);
  connection->unsent_bytes = size;
  memcpy(connection->unsent, bytes, (size_t)size);
  change_interest(connection->descriptor, EPOLLOUT, connection);
  return false;
}

static void send_unsent(struct connection* connection) {
  const int count = SSL_write(connection->ssl, connection->unsent, connection->unsent_bytes);
  if (count <= 0) {
    (void)may_go_on(connection, count);
    return;
  }
  free(connection->unsent);
  connection->unsent = NULL;
  change_interest(connection->descriptor, EPOLLIN, connection);
}

static void receive(struct connection* connection) {
  static char plaintext[TLS_MESSAGE_BYTES];
  const bool was_ready = SSL_is_init_finished(connection->ssl);
  for (int turn = 0; turn < BYTES_PER_TURN;) {
    const int count = SSL_read(connection->ssl, plaintext, sizeof plaintext);
    if (count <= 0) {
      if (may_go_on(connection, count)) break;
      return;
    }
    if (mode == PEER_ECHO && !answer(connection, plaintext, count)) return;
    // A small record is the last one, as a rule; if not, epoll says so at once.
    if (count < TLS_MESSAGE_BYTES && SSL_pending(connection->ssl) == 0) break;
    turn += count;
  }
  if (mode == PEER_GENERATE && !was_ready && SSL_is_init_finished(connection->ssl)) {
    change_interest(connection->descriptor, EPOLLIN | EPOLLOUT, connection);
  }
}

static void generate(struct connection* connection) {
  for (int turn = 0; turn < BYTES_PER_TURN; turn += TLS_MESSAGE_BYTES) {
    const int count = SSL_write(connection->ssl, pattern_from(connection->position), TLS_MESSAGE_BYTES);
    if (count <= 0) {
      (void)may_go_on(connection, count);
      return;  // if it may, the same message is written again
    }
    connection->position += TLS_MESSAGE_BYTES;
  }
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
  signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to the socket without MSG_NOSIGNAL
  run_bare_loop(&options, &(struct bare_handlers){.on_connection = on_connection, .on_event = on_event});
}
