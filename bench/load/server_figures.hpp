// What the kernel knows about the server's process: processor time and memory.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include <sys/types.h>

namespace load {

/// Processor time used since the process began.
struct ProcessorTime {
  std::chrono::nanoseconds total{};
  /// The same in two parts, in ticks of 10 ms: coarse.
  std::chrono::nanoseconds user{};
  std::chrono::nanoseconds system{};
};

struct Memory {
  std::uint64_t resident_bytes = 0;
  /// Of these, what is no file's: heap and stacks.
  std::uint64_t anonymous_bytes = 0;
};

/// Another process, looked at from outside. Everything throws std::runtime_error once it has ended.
class ServerProcess {
 public:
  explicit ServerProcess(pid_t pid);

  [[nodiscard]] ProcessorTime processor_time() const;
  [[nodiscard]] Memory memory() const;

  /// The total alone. The kernel brings it up to date when the server sleeps, and every few milliseconds
  /// while it does not.
  [[nodiscard]] std::chrono::nanoseconds total_processor_time() const;

 private:
  std::string folder_;
};

}  // namespace load
