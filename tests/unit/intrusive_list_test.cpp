// The intrusive list: order, leaving from anywhere, and ends of elements and lists in any order.
#include "base/intrusive_list.hpp"

#include <memory>
#include <optional>
#include <string>
#include <type_traits>

#include <gtest/gtest.h>

namespace tidegate::base {
namespace {

struct Waiting {};
struct Everything {};

struct Item : ListNode<Waiting>, ListNode<Everything> {
  explicit Item(char letter) : name(letter) {}
  char name;
};

using List = IntrusiveList<Item, Waiting>;

void leave(Item& item) { static_cast<ListNode<Waiting>&>(item).unlink(); }
bool is_in_a_list(const Item& item) { return static_cast<const ListNode<Waiting>&>(item).is_linked(); }

std::string names(List& list) {
  std::string forwards;
  for (const Item& item : list) forwards += item.name;
  std::string backwards;
  for (auto position = list.end(); position != list.begin();) backwards += (--position)->name;
  EXPECT_EQ(forwards, std::string(backwards.rbegin(), backwards.rend()));
  return forwards;
}

static_assert(!std::is_copy_constructible_v<Item>);
static_assert(!std::is_move_constructible_v<Item>);

TEST(IntrusiveList, keeps_the_order_of_both_ends) {
  Item a('a'), b('b'), c('c');
  List list;
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(list.pop_front(), nullptr);
  list.push_back(b);
  list.push_back(c);
  list.push_front(a);
  EXPECT_EQ(names(list), "abc");
  EXPECT_EQ(&list.front(), &a);
  EXPECT_EQ(&list.back(), &c);
  EXPECT_EQ(list.pop_front(), &a);
  EXPECT_FALSE(is_in_a_list(a));
  EXPECT_EQ(names(list), "bc");
}

TEST(IntrusiveList, elements_leave_from_anywhere_and_more_than_once) {
  Item a('a'), b('b'), c('c');
  List list;
  for (Item* item : {&a, &b, &c}) list.push_back(*item);
  leave(b);
  leave(b);
  EXPECT_EQ(names(list), "ac");
  leave(a);
  leave(c);
  EXPECT_TRUE(list.empty());
}

TEST(IntrusiveList, an_element_that_ends_leaves_its_list) {
  List list;
  auto first = std::make_unique<Item>('a');
  Item second('b');
  list.push_back(*first);
  list.push_back(second);
  first.reset();
  EXPECT_EQ(names(list), "b");
}

TEST(IntrusiveList, a_list_that_ends_lets_its_elements_be) {
  Item a('a');
  {
    List list;
    list.push_back(a);
    EXPECT_TRUE(is_in_a_list(a));
  }
  EXPECT_FALSE(is_in_a_list(a));
}

TEST(IntrusiveList, adding_an_element_again_moves_it) {
  Item a('a'), b('b');
  List list;
  List other;
  list.push_back(a);
  list.push_back(b);
  list.push_back(a);
  EXPECT_EQ(names(list), "ba");
  list.push_front(b);
  EXPECT_EQ(names(list), "ba");
  list.push_back(a);
  EXPECT_EQ(names(list), "ba");
  other.push_back(b);
  EXPECT_EQ(names(list), "a");
  EXPECT_EQ(names(other), "b");
}

TEST(IntrusiveList, splicing_moves_all_in_order) {
  Item a('a'), b('b'), c('c'), d('d');
  List list;
  List other;
  list.splice_back(other);
  EXPECT_TRUE(list.empty());
  other.push_back(c);
  other.push_back(d);
  list.splice_back(other);
  EXPECT_EQ(names(list), "cd");
  EXPECT_TRUE(other.empty());
  other.push_back(a);
  other.push_back(b);
  other.splice_back(list);
  EXPECT_EQ(names(other), "abcd");
  other.splice_back(other);
  EXPECT_EQ(names(other), "abcd");
  list.push_back(b);
  EXPECT_EQ(names(list), "b");
}

TEST(IntrusiveList, an_object_stands_in_several_lists_at_once) {
  Item a('a'), b('b');
  List waiting;
  IntrusiveList<Item, Everything> everything;
  for (Item* item : {&a, &b}) {
    waiting.push_back(*item);
    everything.push_back(*item);
  }
  leave(a);
  EXPECT_EQ(names(waiting), "b");
  EXPECT_EQ(&everything.front(), &a);
  EXPECT_EQ(&everything.back(), &b);
}

TEST(IntrusiveList, an_element_may_leave_once_a_walk_has_stepped_over_it) {
  Item a('a'), b('b'), c('c');
  List list;
  for (Item* item : {&a, &b, &c}) list.push_back(*item);
  std::string seen;
  for (auto position = list.begin(); position != list.end();) {
    Item& item = *position++;
    seen += item.name;
    leave(item);
  }
  EXPECT_EQ(seen, "abc");
  EXPECT_TRUE(list.empty());
}

}  // namespace
}  // namespace tidegate::base
