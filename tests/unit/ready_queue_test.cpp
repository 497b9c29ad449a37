// The ready queue against a std::deque: first in, first out, whatever is appended meanwhile.
#include "loop/ready_queue.hpp"

#include <deque>
#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace tidegate::detail {
namespace {

struct Node final : ReadyNode {
  void run() override {}
  void discard() noexcept override {}
};

TEST(ReadyQueue, is_empty_at_first) {
  const ReadyQueue queue;
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.size(), 0U);
}

TEST(ReadyQueue, E1_gives_first_what_came_first) {
  ReadyQueue queue;
  Node nodes[3];
  for (Node& node : nodes) queue.push(node);
  EXPECT_EQ(queue.size(), 3U);
  for (Node& node : nodes) EXPECT_EQ(&queue.pop(), &node);
  EXPECT_TRUE(queue.empty());
}

TEST(ReadyQueue, takes_a_node_again_once_it_was_given) {
  ReadyQueue queue;
  Node first;
  Node second;
  queue.push(first);
  queue.push(second);
  EXPECT_EQ(&queue.pop(), &first);
  queue.push(first);
  EXPECT_EQ(&queue.pop(), &second);
  EXPECT_EQ(&queue.pop(), &first);
  EXPECT_TRUE(queue.empty());
}

TEST(ReadyQueue, appends_another_queue_at_its_end_and_leaves_that_empty) {
  ReadyQueue queue;
  ReadyQueue other;
  Node nodes[4];
  queue.append(other);  // nothing to nothing
  EXPECT_TRUE(queue.empty());
  other.push(nodes[0]);
  queue.append(other);  // something to nothing
  EXPECT_TRUE(other.empty());
  EXPECT_EQ(other.size(), 0U);
  other.push(nodes[1]);
  other.push(nodes[2]);
  queue.append(other);  // something to something
  queue.append(other);  // nothing to something
  queue.push(nodes[3]);
  EXPECT_EQ(queue.size(), 4U);
  for (Node& node : nodes) EXPECT_EQ(&queue.pop(), &node);
}

TEST(ReadyQueue, agrees_with_a_deque_over_a_hundred_thousand_operations) {
  constexpr unsigned kSeed = 99;
  SCOPED_TRACE(kSeed);
  std::mt19937 random(kSeed);
  std::vector<std::unique_ptr<Node>> nodes;
  std::vector<Node*> free_nodes;
  for (int count = 0; count < 500; ++count) {
    nodes.push_back(std::make_unique<Node>());
    free_nodes.push_back(nodes.back().get());
  }
  ReadyQueue queues[2];
  std::deque<ReadyNode*> models[2];
  for (int operation = 0; operation < 100'000; ++operation) {
    const std::size_t which = random() % 2;
    switch (random() % 5) {
      case 0:
      case 1:
        if (free_nodes.empty()) break;
        queues[which].push(*free_nodes.back());
        models[which].push_back(free_nodes.back());
        free_nodes.pop_back();
        break;
      case 2:
      case 3:
        if (models[which].empty()) break;
        ASSERT_EQ(&queues[which].pop(), models[which].front());
        free_nodes.push_back(static_cast<Node*>(models[which].front()));
        models[which].pop_front();
        break;
      default:
        queues[which].append(queues[1 - which]);
        models[which].insert(models[which].end(), models[1 - which].begin(), models[1 - which].end());
        models[1 - which].clear();
        break;
    }
    for (const std::size_t index : {0U, 1U}) {
      ASSERT_EQ(queues[index].size(), models[index].size());
      ASSERT_EQ(queues[index].empty(), models[index].empty());
    }
  }
}

}  // namespace
}  // namespace tidegate::detail
