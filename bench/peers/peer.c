// See peer.h.
#include "peer.h"

#include "shared/pattern.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

_Static_assert(PEER_BLOCK_BYTES % PATTERN_PERIOD_BYTES == 0, "blocks in a row continue the pattern");

// --- the command line --------------------------------------------------------------------------------------

_Noreturn static void explain_usage(const char* program, const char* own_usage) {
  fprintf(stderr,
          "usage: %s MODE ADDRESS [--message BYTES]%s\n"
          "  MODE     echo, discard or generate\n"
          "  ADDRESS  tcp:PORT (on 127.0.0.1; 0: the system chooses) or unix:PATH\n",
          program, own_usage);
  exit(2);
}

bool read_number(const char* text, unsigned long long* number) {
  if (text == NULL || *text < '0' || *text > '9') return false;  // strtoull would take a sign or a space
  char* end = NULL;
  errno = 0;
  *number = strtoull(text, &end, 10);
  return errno == 0 && *end == '\0';
}

static bool read_mode(const char* text, struct peer_options* options) {
  static const char* const names[] = {
      [PEER_ECHO] = "echo", [PEER_DISCARD] = "discard", [PEER_GENERATE] = "generate"};
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
    if (strcmp(text, names[i]) != 0) continue;
    options->mode = (enum peer_mode)i;
    return true;
  }
  return false;
}

static bool read_address(const char* text, struct peer_options* options) {
  if (strncmp(text, "unix:", 5) == 0) {
    options->path = text + 5;
    return *options->path != '\0';
  }
  unsigned long long port = 0;
  if (strncmp(text, "tcp:", 4) != 0 || !read_number(text + 4, &port) || port > UINT16_MAX) return false;
  options->port = (uint16_t)port;
  return true;
}

static bool read_option(const char* name, const char* value, struct peer_options* options) {
  if (strcmp(name, "--message") != 0) return false;
  unsigned long long size = 0;
  if (!read_number(value, &size) || size == 0 || size > (1U << 30U)) return false;
  options->message_bytes = (size_t)size;
  return true;
}

// --- the process -------------------------------------------------------------------------------------------

static void allow_many_descriptors(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  // Refused: then the limit is what it was, and whoever opens more connections than that will be told.
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

struct peer_options start_peer(int argc, char** argv, peer_option_reader read_own_option,
                               const char* own_usage) {
  struct peer_options options = {.mode = PEER_ECHO};
  if (argc < 3 || argc % 2 == 0) explain_usage(argv[0], own_usage);
  if (!read_mode(argv[1], &options) || !read_address(argv[2], &options)) explain_usage(argv[0], own_usage);
  for (int i = 3; i < argc; i += 2) {
    const bool known = read_option(argv[i], argv[i + 1], &options) ||
                       (read_own_option != NULL && read_own_option(argv[i], argv[i + 1]));
    if (!known) explain_usage(argv[0], own_usage);
  }
  allow_many_descriptors();
  if (options.path != NULL) (void)unlink(options.path);  // there is none, as a rule
  return options;
}

void end_peer(const struct peer_options* options) {
  if (options->path != NULL) (void)unlink(options->path);  // whoever has removed it already did our work
}

// --- what it says ------------------------------------------------------------------------------------------

void announce_port(uint16_t port) {
  printf("listening %u\n", (unsigned)port);
  fflush(stdout);
}

void announce_path(const char* path) {
  printf("listening %s\n", path);
  fflush(stdout);
}

const unsigned char* pattern_block(void) { return pattern_from(0); }

const unsigned char* pattern_from(size_t position) {
  // Long enough that a whole block can be taken from anywhere in the first period.
  static unsigned char pattern[PEER_BLOCK_BYTES + PATTERN_PERIOD_BYTES];
  static bool is_filled;
  if (!is_filled) fill_with_pattern(pattern, sizeof pattern);
  is_filled = true;
  return pattern + position % PATTERN_PERIOD_BYTES;
}
