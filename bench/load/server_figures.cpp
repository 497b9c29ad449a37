// See server_figures.hpp.
#include "server_figures.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>

#include <unistd.h>

namespace load {

namespace {

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) throw std::runtime_error("cannot read " + path + ": has the server ended?");
  return text.str();
}

/// User and system time out of /proc/PID/stat.
std::pair<std::chrono::nanoseconds, std::chrono::nanoseconds> coarse_times(const std::string& folder) {
  const std::string stat = read_file(folder + "/stat");
  // The second field is the program's name in parentheses and may contain anything.
  std::istringstream fields(stat.substr(stat.rfind(')') + 1));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  std::uint64_t user_ticks = 0;
  std::uint64_t system_ticks = 0;
  if (!(fields >> user_ticks >> system_ticks))
    throw std::runtime_error("cannot understand " + folder + "/stat");
  const auto tick = std::chrono::nanoseconds(std::chrono::seconds(1)) / ::sysconf(_SC_CLK_TCK);
  return {user_ticks * tick, system_ticks * tick};
}

/// The number of a line such as "VmRSS:     1234 kB", in bytes.
std::uint64_t status_bytes(const std::string& status, const std::string& name) {
  const auto found = status.find("\n" + name + ":");
  if (found == std::string::npos) throw std::runtime_error("the server's status has no " + name);
  return std::stoull(status.substr(found + name.size() + 2)) * 1024;
}

}  // namespace

ServerProcess::ServerProcess(pid_t pid) : folder_("/proc/" + std::to_string(pid)) {}

std::chrono::nanoseconds ServerProcess::total_processor_time() const {
  std::chrono::nanoseconds total{};
  std::error_code gone;
  for (const auto& thread : std::filesystem::directory_iterator(folder_ + "/task", gone)) {
    std::ifstream file(thread.path() / "schedstat");
    std::int64_t nanoseconds = 0;
    // Without schedstat in the kernel the ticks have to do.
    if (!(file >> nanoseconds)) {
      const auto [user, system] = coarse_times(folder_);
      return user + system;
    }
    total += std::chrono::nanoseconds(nanoseconds);
  }
  if (gone) throw std::runtime_error("the server has ended");
  return total;
}

ProcessorTime ServerProcess::processor_time() const {
  const auto [user, system] = coarse_times(folder_);
  return {total_processor_time(), user, system};
}

Memory ServerProcess::memory() const {
  const std::string status = read_file(folder_ + "/status");
  return {status_bytes(status, "VmRSS"), status_bytes(status, "RssAnon")};
}

}  // namespace load
