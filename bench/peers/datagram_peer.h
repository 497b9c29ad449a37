// What the datagram echo servers of the comparison have in common: what they are asked on the command line,
// and the socket options that all of them set.
//
//     PROGRAM echo udp:PORT [OPTION VALUE]...     (on 127.0.0.1; 0: the system chooses)
//
// Each says `listening PORT` and serves until SIGTERM. What the system does not take of the answers is
// dropped, as datagrams may be: nobody here waits for a peer.
#pragma once

#include "peer.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
  /// The largest datagram, and more than a train of them has.
  DATAGRAM_MEMORY_BYTES = 64 * 1024,
  /// SO_RCVBUF: room for the windows of fifty peers. The kernel grants everybody the same.
  DATAGRAM_RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024,
};

struct datagram_request {
  uint16_t port;
};

/// Reads the command line. Wrong arguments end the program with status 2. `read_own_option` may be NULL,
/// `own_usage` is the text for it.
struct datagram_request read_datagram_request(int argc, char** argv, peer_option_reader read_own_option,
                                              const char* own_usage);

#ifdef __cplusplus
}
#endif
