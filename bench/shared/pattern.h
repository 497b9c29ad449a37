// The bytes that every program of the comparison sends, so that every program can check what it receives.
//
// The period is a prime: where bytes were lost, doubled or swapped, by whole messages, pages or buffers at
// that, what follows does not fit.
#pragma once

#include <stddef.h>

enum { PATTERN_PERIOD_BYTES = 4093 };

/// Fills `memory` with the pattern as it runs from its beginning.
static inline void fill_with_pattern(unsigned char* memory, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    // Upper bits of a multiplicative hash: cheap, and neighbours look nothing alike.
    memory[i] = ((i % PATTERN_PERIOD_BYTES + 1) * 2654435761U >> 24U) & 0xffU;
  }
}
