// OpenSSL 3 calls this interface deprecated; a provider would be the other way, and ten times as much code.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "repeatable_random.hpp"

#include <stdexcept>

#include <openssl/rand.h>

namespace tidegate::fuzz {

namespace {

std::uint64_t state = 0;  // NOLINT: OpenSSL's generator belongs to the process, and a target has one thread

/// SplitMix64 (Steele, Lea, Flood 2014).
std::uint64_t next() noexcept {
  std::uint64_t mixed = state += 0x9E3779B97F4A7C15U;
  mixed = (mixed ^ (mixed >> 30U)) * 0xBF58476D1CE4E5B9U;
  mixed = (mixed ^ (mixed >> 27U)) * 0x94D049BB133111EBU;
  return mixed ^ (mixed >> 31U);
}

int fill(unsigned char* memory, int size) noexcept {
  for (int index = 0; index < size; ++index) memory[index] = static_cast<unsigned char>(next());
  return 1;
}

int is_seeded() noexcept { return 1; }

constexpr RAND_METHOD kMethod{nullptr, fill, nullptr, nullptr, fill, is_seeded};

}  // namespace

void begin_repeatable_random(std::uint64_t seed) {
  state = seed;
  if (RAND_get_rand_method() == &kMethod) return;
  if (RAND_set_rand_method(&kMethod) != 1) throw std::runtime_error("OpenSSL keeps its own randomness");
}

}  // namespace tidegate::fuzz
