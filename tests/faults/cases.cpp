// One case of many: see cases.hpp.
#include "faults/cases.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iostream>
#include <string_view>

#include <gtest/gtest.h>
#include <unistd.h>

namespace tidegate::faults {

namespace {

/// Longer than any case takes that ends.
constexpr unsigned kMostSeconds = 60;

/// In memory of its own: it is read when nothing can be relied on.
std::array<char, 512> present{};

/// In signal context, or with an exception on its way that nobody catches.
void say_which(std::string_view what) noexcept {
  // What can't be written has nowhere else to go.
  static_cast<void>(!::write(STDERR_FILENO, what.data(), what.size()));
  static_cast<void>(!::write(STDERR_FILENO, present.data(), std::strlen(present.data())));
  static_cast<void>(!::write(STDERR_FILENO, "\n", 1));
}

void on_alarm(int) noexcept {
  say_which("This case never ends: ");
  std::_Exit(EXIT_FAILURE);
}

void on_terminate() noexcept {
  say_which("std::terminate in this case: ");
  std::abort();
}

void on_crash(int signal) noexcept {
  say_which("A crash in this case: ");
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

/// Says in the end how many there were.
class CaseCount final : public ::testing::Environment {
 public:
  void TearDown() override { std::cout << cases << " cases\n"; }

  std::size_t cases = 0;
};

CaseCount* const count = new CaseCount;
const ::testing::Environment* const registered = ::testing::AddGlobalTestEnvironment(count);  // owns it

}  // namespace

RunningCase::RunningCase(const std::string& name) {
  ++count->cases;
  const std::string text = replay(name);
  const std::size_t size = std::min(text.size(), present.size() - 1);
  std::copy_n(text.begin(), size, present.begin());
  present[size] = '\0';
  static const bool watched = [] {
    std::signal(SIGALRM, on_alarm);
    std::set_terminate(on_terminate);
#ifndef __SANITIZE_ADDRESS__  // which tells more
    std::signal(SIGSEGV, on_crash);
#else
    static_cast<void>(on_crash);
#endif
    return true;
  }();
  static_cast<void>(watched);
  ::alarm(kMostSeconds);
}

RunningCase::~RunningCase() { ::alarm(0); }

std::string RunningCase::replay(const std::string& name) {
  const auto* const test = ::testing::UnitTest::GetInstance()->current_test_info();
  return "TIDEGATE_FAULT=" + name + " " + ::program_invocation_name +
         " --gtest_filter=" + test->test_suite_name() + "." + test->name();
}

bool RunningCase::is_wanted(const std::string& name) {
  const char* const wish = std::getenv("TIDEGATE_FAULT");
  return wish == nullptr || *wish == '\0' || name == wish;
}

bool RunningCase::is_played(unsigned occurrence) {
  constexpr unsigned kAlways = 16;
  const char* const text = std::getenv("TIDEGATE_FAULTS_EVERY");
  const unsigned every = text == nullptr ? 1 : std::max(1U, static_cast<unsigned>(std::atoi(text)));
  return occurrence <= kAlways || occurrence % every == 0;
}

}  // namespace tidegate::faults
