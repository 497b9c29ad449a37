// What the servers on OpenSSL have in common: who they are, and with which algorithms they speak, so that all
// of them do the same work.
//
// TLS 1.3 with AES-128-GCM and X25519, whatever else a client offers; two tickets for each client, as servers
// give by default.
#pragma once

#include "peer.h"

#include <openssl/ssl.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
  /// What a generating server encrypts at a time: the most that a record takes.
  TLS_MESSAGE_BYTES = 16 * 1024,
};

/// As start_peer, with two options more: `--certificate FILE`, which has the key as well (PEM) and must be
/// given, and `--buffers release|keep`: whether an idle connection gives its record buffers back (it does).
struct peer_options start_tls_peer(int argc, char** argv, SSL_CTX** context);

#ifdef __cplusplus
}
#else
/// Says what OpenSSL complained about last, and ends the program.
_Noreturn void fail_in_openssl(const char* what);
#endif
