// The main() of every test program, and what it prints with --gtest_brief=1, which is how ctest runs it.
//
// GoogleTest's own brief printer gives two lines to every test that is skipped. A program has hundreds of
// those, and where a log is cut, as logs are, the failure among them is what is lost. Here a failure is
// printed when it happens, with the name of its test and how long that took, and once more by name at the
// end; reasons for skipping are counted.
#include <cstdio>
#include <map>
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidegate::testing {
namespace {

using ::testing::TestInfo;
using ::testing::TestPartResult;
using ::testing::UnitTest;

std::string name_of(const TestInfo& test) {
  return fmt::format("{}.{}", test.test_suite_name(), test.name());
}

class BriefPrinter final : public ::testing::EmptyTestEventListener {
 public:
  // Kept, because GoogleTest can't be asked for it while it tells of a failure: it holds its lock then.
  void OnTestStart(const TestInfo& test) override { running_ = &test; }

  void OnTestPartResult(const TestPartResult& part) override {
    if (part.passed()) return;
    if (part.skipped()) {
      ++skipped_[part.message()];
      return;
    }
    fmt::print("{}:{}: failure in {}\n{}\n", part.file_name() == nullptr ? "unknown file" : part.file_name(),
               part.line_number(), running_ == nullptr ? "what surrounds the tests" : name_of(*running_),
               part.message());
    std::fflush(stdout);
  }

  void OnTestEnd(const TestInfo& test) override {
    running_ = nullptr;
    if (!test.result()->Failed()) return;
    fmt::print("[  FAILED  ] {} ({} ms)\n", name_of(test), test.result()->elapsed_time());
    std::fflush(stdout);
  }

  // The first words of each line are GoogleTest's: ctest looks for them.
  void OnTestProgramEnd(const UnitTest& all) override {
    fmt::print("[==========] {} tests from {} test suites ran. ({} ms total)\n", all.test_to_run_count(),
               all.test_suite_to_run_count(), all.elapsed_time());
    fmt::print("[  PASSED  ] {} tests.\n", all.successful_test_count());
    if (all.skipped_test_count() > 0) fmt::print("[  SKIPPED ] {} tests:\n", all.skipped_test_count());
    for (const auto& [reason, count] : skipped_) fmt::print("  {:4} x {}\n", count, reason);
    if (all.failed_test_count() > 0) fmt::print("[  FAILED  ] {} tests:\n", all.failed_test_count());
    for_each_failed(all, [](const TestInfo& test) { fmt::print("  {}\n", name_of(test)); });
    std::fflush(stdout);
  }

 private:
  template <typename Do>
  static void for_each_failed(const UnitTest& all, Do what) {
    for (int suite = 0; suite < all.total_test_suite_count(); ++suite) {
      const ::testing::TestSuite& tests = *all.GetTestSuite(suite);
      for (int test = 0; test < tests.total_test_count(); ++test) {
        const TestInfo& info = *tests.GetTestInfo(test);
        if (info.should_run() && info.result()->Failed()) what(info);
      }
    }
  }

  const TestInfo* running_ = nullptr;
  std::map<std::string, int> skipped_;
};

}  // namespace
}  // namespace tidegate::testing

int main(int argument_count, char** arguments) {
  ::testing::InitGoogleMock(&argument_count, arguments);
  const bool lists = GTEST_FLAG_GET(list_tests);
  if (GTEST_FLAG_GET(brief) && !lists) {
    ::testing::TestEventListeners& listeners = ::testing::UnitTest::GetInstance()->listeners();
    delete listeners.Release(listeners.default_result_printer());
    listeners.Append(new tidegate::testing::BriefPrinter);
  }
  return RUN_ALL_TESTS();
}
