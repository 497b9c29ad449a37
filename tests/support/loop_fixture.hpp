// A loop for one test, and what it was told of. Knows nothing of what is tested.
#pragma once

#include <tidegate/log.hpp>
#include <tidegate/loop.hpp>
#include <tidegate/sleep.hpp>

#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace tidegate::testing {

/// Collects what goes to the log, for as long as it lives.
class LogCollector {
 public:
  LogCollector() {
    set_log_handler([this](LogLevel, std::string_view message) { lines.emplace_back(message); });
  }
  LogCollector(const LogCollector&) = delete;
  LogCollector& operator=(const LogCollector&) = delete;
  ~LogCollector() { set_log_handler(nullptr); }

  std::vector<std::string> lines;
};

/// Collects what is told to the exception handler of `loop`. A test that expects nothing fails where there is
/// something.
class LoopFixture : public ::testing::Test {
 protected:
  struct Report {
    std::string message;
    std::string exception;
  };

  LoopFixture() { collect(loop); }

  void collect(Loop& collected) {
    collected.set_exception_handler([this](Loop&, const ExceptionContext& context) {
      reports.push_back({context.message, context.exception ? describe(context.exception) : ""});
    });
  }

  /// Runs a coroutine function, which is kept as long as its coroutine.
  template <typename Function>
  auto run(Function function) {
    return loop.run_until_complete(function());
  }

  /// Lets everything that is ready run, `times` times over.
  void turn(int times = 1) {
    for (; times > 0; --times) {
      loop.stop();
      loop.run_forever();
    }
  }

  [[nodiscard]] std::vector<std::string> reported() const {
    std::vector<std::string> messages;
    for (const Report& report : reports) messages.push_back(report.message);
    return messages;
  }

  void TearDown() override { EXPECT_EQ(reported(), expected_reports); }

  std::vector<Report> reports;
  std::vector<std::string> expected_reports;
  Loop loop;
};

/// What `call` throws, for people: "cancelled", the text of the exception, or "nothing".
template <typename Function>
std::string thrown_by(Function&& call) {
  try {
    static_cast<void>(call());
  } catch (...) {
    return describe(std::current_exception());
  }
  return "nothing";
}

/// An exception to be found again.
inline std::exception_ptr error_of(const std::string& text) {
  return std::make_exception_ptr(std::runtime_error(text));
}

}  // namespace tidegate::testing
