// How a fuzz target says that a promise was broken: by ending the process, which libFuzzer takes for a
// finding.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace tidegate::fuzz {

/// `promise`: what should have been true, in words.
inline void require(bool holds, const char* promise) {
  if (holds) return;
  std::fprintf(stderr, "fuzz: broken promise: %s\n", promise);
  std::abort();
}

}  // namespace tidegate::fuzz
