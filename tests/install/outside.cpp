// The smallest program that needs headers, library and a running loop: exits with 0 when the loop brought 42
// back.
#include <tidegate/tidegate.hpp>

#include <chrono>

namespace {

tidegate::Task<int> answer() {
  co_await tidegate::sleep(std::chrono::milliseconds(1));
  co_return 42;
}

}  // namespace

int main() { return tidegate::run(answer()) == 42 ? 0 : 1; }
