// See tls_peer.h.
#include "tls_peer.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char* certificate_file;
static bool keeps_buffers;

static bool read_tls_option(const char* name, const char* value) {
  if (strcmp(name, "--certificate") == 0) {
    certificate_file = value;
    return *value != '\0';
  }
  if (strcmp(name, "--buffers") != 0) return false;
  keeps_buffers = strcmp(value, "keep") == 0;
  return keeps_buffers || strcmp(value, "release") == 0;
}

_Noreturn void fail_in_openssl(const char* what) {
  const unsigned long error = ERR_peek_last_error();
  const char* const reason = error != 0 ? ERR_reason_error_string(error) : NULL;
  fprintf(stderr, "%s: %s\n", what, reason != NULL ? reason : "OpenSSL refuses");
  exit(1);
}

static void require(long succeeded, const char* what) {
  if (succeeded != 1) fail_in_openssl(what);
}

static SSL_CTX* make_context(void) {
  SSL_CTX* const context = SSL_CTX_new(TLS_server_method());
  if (context == NULL) fail_in_openssl("SSL_CTX_new");
  require(SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION), "TLS 1.3");
  require(SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256"), "AES-128-GCM");
  require(SSL_CTX_set1_groups_list(context, "X25519"), "X25519");
  require(SSL_CTX_use_certificate_chain_file(context, certificate_file), certificate_file);
  require(SSL_CTX_use_PrivateKey_file(context, certificate_file, SSL_FILETYPE_PEM), certificate_file);
  // A ticket has all of its session in it: there is nothing to keep.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  // What could not be written is written again, from wherever it lies then.
  SSL_CTX_set_mode(context, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (!keeps_buffers) SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  return context;
}

struct peer_options start_tls_peer(int argc, char** argv, SSL_CTX** context) {
  const struct peer_options options =
      start_peer(argc, argv, read_tls_option, " --certificate FILE [--buffers release|keep]");
  if (certificate_file == NULL) {
    fprintf(stderr, "%s: --certificate is missing\n", argv[0]);
    exit(2);
  }
  *context = make_context();
  return options;
}
