// Every test program's look at TIDEGATE_BACKEND: where the kernel refuses what it names, all tests are
// skipped. A loop would fall back to epoll, and the tests would run on that once more under another name.
//
// Part of each program and of no library, because nothing refers to it.
#include <tidegate/loop.hpp>

#include <cstdlib>
#include <iostream>
#include <string_view>

#include <gtest/gtest.h>

namespace tidegate::testing {
namespace {

class BackendAskedFor final : public ::testing::Environment {
 public:
  void SetUp() override {
    const char* text = std::getenv("TIDEGATE_BACKEND");
    const std::string_view asked_for = text == nullptr ? "" : text;
    if (asked_for.empty() || asked_for == "auto") return;
    const Loop probe;
    if (probe.backend_name() == asked_for) return;
    // In GoogleTest's own words, which ctest looks for: GoogleTest says them of single tests only.
    std::cout << "[  SKIPPED ] every test\n";
    GTEST_SKIP() << "no " << asked_for << " here: a loop that asks for it stands on " << probe.backend_name();
  }
};

const ::testing::Environment* const registered = ::testing::AddGlobalTestEnvironment(new BackendAskedFor);

}  // namespace
}  // namespace tidegate::testing
