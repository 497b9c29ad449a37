// See uring_settings.h.
#include "uring_settings.h"

#include <string.h>

static struct uring_settings settings = {
    .receiving = RECEIVE_MULTISHOT,
    .buffer_bytes = 16 * 1024,
    .buffers = 256,
    .entries = 256,
    .is_deferring = true,
};

static const char* const own_usage =
    " [--receive multishot|bundle|incremental|single|poll|poll-multishot]\n"
    "       [--buffer-bytes N] [--buffers N] [--entries N] [--taskrun defer|coop] [--send async|sync]";

/// What counts buffers and entries: a power of two, as io_uring wants it.
static bool read_count(const char* text, unsigned* count) {
  unsigned long long number = 0;
  if (!read_number(text, &number) || number == 0 || number > 32768 || (number & (number - 1)) != 0)
    return false;
  *count = (unsigned)number;
  return true;
}

static bool read_size(const char* text, size_t* size) {
  unsigned long long number = 0;
  if (!read_number(text, &number) || number == 0 || number > (1U << 26U)) return false;
  *size = (size_t)number;
  return true;
}

/// Which of two words it is.
static bool read_choice(const char* text, const char* no, const char* yes, bool* is_yes) {
  *is_yes = strcmp(text, yes) == 0;
  return *is_yes || strcmp(text, no) == 0;
}

static bool read_receiving(const char* text, enum receiving* receiving) {
  static const char* const names[] = {
      [RECEIVE_MULTISHOT] = "multishot",
      [RECEIVE_BUNDLE] = "bundle",
      [RECEIVE_INCREMENTAL] = "incremental",
      [RECEIVE_SINGLE] = "single",
      [RECEIVE_POLL] = "poll",
      [RECEIVE_POLL_MULTISHOT] = "poll-multishot",
  };
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
    if (strcmp(text, names[i]) != 0) continue;
    *receiving = (enum receiving)i;
    return true;
  }
  return false;
}

static bool read_own_option(const char* name, const char* value) {
  if (strcmp(name, "--receive") == 0) return read_receiving(value, &settings.receiving);
  if (strcmp(name, "--buffer-bytes") == 0) return read_size(value, &settings.buffer_bytes);
  if (strcmp(name, "--buffers") == 0) return read_count(value, &settings.buffers);
  if (strcmp(name, "--entries") == 0) return read_count(value, &settings.entries);
  if (strcmp(name, "--taskrun") == 0) return read_choice(value, "coop", "defer", &settings.is_deferring);
  if (strcmp(name, "--send") == 0) return read_choice(value, "async", "sync", &settings.sends_at_once);
  return false;
}

struct uring_settings read_settings(int argc, char** argv, struct peer_options* options) {
  *options = start_peer(argc, argv, read_own_option, own_usage);
  settings.mode = options->mode;
  settings.message_bytes = options->message_bytes;
  return settings;
}
