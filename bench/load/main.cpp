// The load generator: one thread, bare epoll, no library (but OpenSSL, where TLS is asked for), so that the
// server is what is measured.
#include "arguments.hpp"
#include "datagrams.hpp"
#include "echo.hpp"
#include "one_way.hpp"
#include "report.hpp"
#include "storm.hpp"
#include "window.hpp"

#include <chrono>
#include <csignal>
#include <exception>
#include <iostream>
#include <string_view>

#include <sys/resource.h>
#include <unistd.h>

namespace {

using load::Arguments;
using load::Mode;
using load::Window;

void allow_many_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  // Refused: then opening a socket too many fails, and says so.
  static_cast<void>(::setrlimit(RLIMIT_NOFILE, &limit));
}

constexpr std::string_view kTooLong = "load: it took too long\n";

extern "C" void give_up(int /*signal_number*/) {
  // Nothing to be done where even this fails.
  if (::write(STDERR_FILENO, kTooLong.data(), kTooLong.size()) < 0) ::_exit(1);
  ::_exit(1);
}

constexpr double kPatienceSeconds = 30.0;
/// Counting instructions slows a server down a hundred times.
constexpr double kLockStepPatienceSeconds = 300.0;

/// However long a server keeps us waiting, and in whatever call, there is an end.
void set_deadline(const Arguments& arguments) {
  const double seconds = arguments.messages
                             ? kLockStepPatienceSeconds
                             : (arguments.measured + arguments.warm_up).count() + kPatienceSeconds;
  std::signal(SIGALRM, give_up);
  ::alarm(static_cast<unsigned>(seconds));
}

void run(const Arguments& arguments) {
  Window window(arguments);
  const auto report = [&] { load::print_report(arguments, window.measurement()); };
  switch (arguments.mode) {
    case Mode::echo:
      arguments.messages ? load::run_echo_in_lock_step(arguments, window) : load::run_echo(arguments, window);
      return report();
    case Mode::send:
      load::run_send(arguments, window);
      return report();
    case Mode::receive:
      load::run_receive(arguments, window);
      return report();
    case Mode::storm:
      load::run_storm(arguments, window);
      return report();
    case Mode::idle:
      return load::run_idle(arguments, window, report);
    case Mode::datagrams:
      arguments.messages ? load::run_datagrams_in_lock_step(arguments, window)
                         : load::run_datagrams(arguments, window);
      return report();
  }
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments = load::read_arguments(argc, argv);
  allow_many_descriptors();
  set_deadline(arguments);
  try {
    run(arguments);
  } catch (const std::exception& error) {
    std::cerr << "load: " << error.what() << '\n';
    return 1;
  }
}
