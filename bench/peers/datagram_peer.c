// See datagram_peer.h.
#include "datagram_peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn static void explain_usage(const char* program, const char* own_usage) {
  fprintf(stderr,
          "usage: %s echo udp:PORT%s\n"
          "  PORT  on 127.0.0.1; 0: the system chooses\n",
          program, own_usage);
  exit(2);
}

struct datagram_request read_datagram_request(int argc, char** argv, peer_option_reader read_own_option,
                                              const char* own_usage) {
  if (argc < 3 || argc % 2 == 0 || strcmp(argv[1], "echo") != 0) explain_usage(argv[0], own_usage);
  unsigned long long port = 0;
  if (strncmp(argv[2], "udp:", 4) != 0 || !read_number(argv[2] + 4, &port) || port > UINT16_MAX) {
    explain_usage(argv[0], own_usage);
  }
  for (int i = 3; i < argc; i += 2) {
    if (read_own_option == NULL || !read_own_option(argv[i], argv[i + 1])) explain_usage(argv[0], own_usage);
  }
  return (struct datagram_request){.port = (uint16_t)port};
}
