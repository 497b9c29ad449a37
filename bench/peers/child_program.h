// What the programs that start children have in common, so that each does the same work on its own library:
// what they are asked, and how time is taken.
//
//     PROGRAM spawn COUNT CHILD [--at-a-time N] [--resident MIB]
//         starts CHILD, without arguments and with /dev/null as its 0, 1 and 2, COUNT times; up to N of them
//         run at a time (1). The program has so much memory of its own in use meanwhile (0).
//     PROGRAM output MIB CHILD
//         starts CHILD with the number of bytes that it shall write, and reads all of it from a pipe.
//
// Each prints one line of JSON, in nanoseconds per child, or per 64 KiB of output: the time on the clock, and
// processor time, to which the children belong for `spawn` and not for `output`. A child that ends with
// another status than 0, and output of another length, end the program with status 1.
#pragma once

#include "peer.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
  /// What a pipe holds, and so what is read at a time.
  CHILD_READ_BYTES = 64 * 1024,
};

enum child_work { CHILD_SPAWN, CHILD_OUTPUT };

struct child_request {
  enum child_work work;
  /// How many children, for `spawn`.
  size_t count;
  size_t at_a_time;
  /// How much output, for `output`; and the same as the child's argument.
  uint64_t output_bytes;
  char output_text[24];
  /// A path: nobody has to search for it.
  const char* child;
};

/// Reads the command line, and takes the memory that it asks for. Wrong arguments end the program with status
/// 2. `read_own_option` may be NULL, `own_usage` is the text for it.
struct child_request read_child_request(int argc, char** argv, peer_option_reader read_own_option,
                                        const char* own_usage);

/// The work begins; and it has ended, with what it took printed. REQUIRES: every child has been waited for.
void begin_child_work(void);
void end_child_work(const struct child_request* request);

/// Ends the program unless the child ended with status 0.
void require_success(int64_t status);

/// Ends the program unless that is what was asked for.
void require_output(const struct child_request* request, uint64_t bytes);

#ifdef __cplusplus
}
#endif
