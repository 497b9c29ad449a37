// See descriptor_limit.hpp.
#include "bench/descriptor_limit.hpp"

#include "number_text.hpp"

#include <cerrno>
#include <stdexcept>
#include <system_error>

#include <fmt/format.h>
#include <sys/resource.h>

namespace tidegate::cli::bench {

namespace {

// What a process has open besides its connections: standard streams, the loop's own, files of the resolver.
constexpr std::size_t kOtherDescriptors = 24;

}  // namespace

void allow_connections(std::size_t connections) {
  const rlim_t needed = connections + kOtherDescriptors;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    throw std::system_error(errno, std::generic_category(), "getrlimit RLIMIT_NOFILE");
  }
  if (limit.rlim_cur >= needed) return;
  if (limit.rlim_max < needed) {
    throw std::runtime_error(
        fmt::format("{} connections need {} open files, but only {} are allowed (ulimit -Hn)",
                    grouped(connections), grouped(needed), grouped(limit.rlim_max)));
  }
  limit.rlim_cur = needed;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
    throw std::system_error(errno, std::generic_category(), "setrlimit RLIMIT_NOFILE");
  }
}

}  // namespace tidegate::cli::bench
