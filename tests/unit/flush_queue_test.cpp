// FlushQueue: who asked is flushed once, in order; who leaves or asks meanwhile is treated as such.
#include "loop/flush_queue.hpp"

#include <functional>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

namespace tidegate::loop {
namespace {

class Recorder final : public Visitor {
 public:
  explicit Recorder(std::vector<Recorder*>& flushed) : flushed_(flushed) {}
  ~Recorder() = default;

  std::function<void()> on_flush;

  void run() override {}
  void discard() noexcept override {}
  void loop_closed() noexcept override {}
  void flush() override {
    EXPECT_FALSE(awaits_flush());
    flushed_.push_back(this);
    if (on_flush) on_flush();
  }

 private:
  std::vector<Recorder*>& flushed_;
};

class Flushing : public ::testing::Test {
 protected:
  using Order = std::vector<Recorder*>;

  void push(Recorder& visitor) { EXPECT_TRUE(queue.push(visitor)); }

  FlushQueue queue;
  Order flushed;
  Recorder a{flushed};
  Recorder b{flushed};
  Recorder c{flushed};
};

TEST_F(Flushing, W6_who_asked_is_flushed_once_in_order) {
  EXPECT_TRUE(queue.empty());
  push(b), push(a);
  EXPECT_TRUE(a.awaits_flush());
  EXPECT_FALSE(c.awaits_flush());
  EXPECT_FALSE(queue.empty());
  queue.flush();
  EXPECT_EQ(flushed, (Order{&b, &a}));
  EXPECT_TRUE(queue.empty());
  queue.flush();
  EXPECT_EQ(flushed.size(), 2U);
}

TEST_F(Flushing, who_left_is_not_flushed) {
  push(a), push(b), push(c);
  queue.remove(b);
  queue.remove(b);
  EXPECT_FALSE(b.awaits_flush());
  queue.flush();
  EXPECT_EQ(flushed, (Order{&a, &c}));
  push(a);
  queue.remove(a);
  EXPECT_TRUE(queue.empty());
}

TEST_F(Flushing, who_asks_meanwhile_waits_for_the_next_time) {
  a.on_flush = [&] { push(a), push(c); };
  push(a), push(b);
  queue.flush();
  EXPECT_EQ(flushed, (Order{&a, &b}));
  EXPECT_FALSE(queue.empty());
  a.on_flush = nullptr;
  queue.remove(a);
  push(b);
  queue.flush();
  EXPECT_EQ(flushed, (Order{&a, &b, &c, &b}));
  EXPECT_TRUE(queue.empty());
}

TEST_F(Flushing, who_is_removed_by_somebody_before_is_not_flushed_and_may_be_gone) {
  auto brief = std::make_unique<Recorder>(flushed);
  a.on_flush = [&] {
    queue.remove(*brief);
    brief.reset();
  };
  push(a), push(*brief), push(b);
  queue.flush();
  EXPECT_EQ(flushed, (Order{&a, &b}));
  EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace tidegate::loop
