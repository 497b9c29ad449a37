// Memory that nobody may touch for a while, as AddressSanitizer sees it. Does nothing in other builds.
#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define TIDEGATE_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TIDEGATE_ADDRESS_SANITIZER 1
#endif
#endif

#if defined(TIDEGATE_ADDRESS_SANITIZER)
#include <sanitizer/asan_interface.h>
#endif

namespace tidegate::base {

/// From here on, touching it is reported. The sanitizer looks at eight bytes at a time, so a few at the edges
/// may be spared.
inline void poison([[maybe_unused]] const void* from, [[maybe_unused]] std::size_t bytes) noexcept {
#if defined(TIDEGATE_ADDRESS_SANITIZER)
  __asan_poison_memory_region(from, bytes);
#endif
}

inline void unpoison([[maybe_unused]] const void* from, [[maybe_unused]] std::size_t bytes) noexcept {
#if defined(TIDEGATE_ADDRESS_SANITIZER)
  __asan_unpoison_memory_region(from, bytes);
#endif
}

}  // namespace tidegate::base
