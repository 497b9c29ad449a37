// UniqueFunction: callables of every size are moved, called and destroyed once.
#include <tidegate/callback.hpp>

#include <array>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include <gtest/gtest.h>

namespace tidegate {
namespace {

static_assert(!std::is_copy_constructible_v<Callback>);
static_assert(std::is_nothrow_move_constructible_v<Callback>);

/// Counts how many of its kind live.
template <std::size_t Padding>
class Counted {
 public:
  explicit Counted(int& alive) : alive_(&alive) { ++*alive_; }
  Counted(const Counted& other) : alive_(other.alive_) { ++*alive_; }
  Counted(Counted&& other) noexcept : alive_(other.alive_) { ++*alive_; }
  Counted& operator=(const Counted&) = delete;
  ~Counted() { --*alive_; }
  int operator()(int argument) const { return argument + 1; }

 private:
  int* alive_;
  std::array<char, Padding> padding_{};
};

template <typename Callable>
void expect_one_life() {
  int alive = 0;
  {
    UniqueFunction<int(int)> function = Callable(alive);
    EXPECT_EQ(alive, 1);
    UniqueFunction<int(int)> moved = std::move(function);
    EXPECT_FALSE(function);  // NOLINT(bugprone-use-after-move): a moved function is promised to be empty
    EXPECT_EQ(alive, 1);
    EXPECT_EQ(moved(41), 42);
    function = std::move(moved);
    EXPECT_EQ(alive, 1);
    UniqueFunction<int(int)>& same = function;
    function = std::move(same);
    EXPECT_EQ(function(1), 2);
    function = nullptr;
    EXPECT_EQ(alive, 0);
    function = Callable(alive);
  }
  EXPECT_EQ(alive, 0);
}

TEST(Callback, a_small_callable_lives_once) { expect_one_life<Counted<1>>(); }
TEST(Callback, a_large_callable_lives_once) { expect_one_life<Counted<200>>(); }

TEST(Callback, holds_what_can_not_be_copied) {
  UniqueFunction<std::string()> function = [text = std::make_unique<std::string>("kept")] { return *text; };
  EXPECT_EQ(function(), "kept");
}

TEST(Callback, a_default_one_is_empty) {
  EXPECT_FALSE(Callback());
  EXPECT_FALSE(Callback(nullptr));
  EXPECT_TRUE(Callback([] {}));
}

TEST(Callback, passes_references_and_movable_arguments_through) {
  UniqueFunction<void(int&, std::unique_ptr<int>)> function = [](int& target, std::unique_ptr<int> value) {
    target = *value;
  };
  int target = 0;
  function(target, std::make_unique<int>(7));
  EXPECT_EQ(target, 7);
}

TEST(Callback, keeps_the_state_of_its_callable_between_calls) {
  UniqueFunction<int()> function = [count = 0]() mutable { return ++count; };
  EXPECT_EQ(function(), 1);
  EXPECT_EQ(function(), 2);
}

}  // namespace
}  // namespace tidegate
