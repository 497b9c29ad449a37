// See resident_memory.hpp.
#include "bench/resident_memory.hpp"

#include <fstream>

#include <unistd.h>

namespace tidegate::cli::bench {

std::uint64_t resident_bytes() {
  std::ifstream statistics("/proc/self/statm");
  std::uint64_t virtual_pages = 0;
  std::uint64_t resident_pages = 0;
  if (!(statistics >> virtual_pages >> resident_pages)) return 0;
  return resident_pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace tidegate::cli::bench
