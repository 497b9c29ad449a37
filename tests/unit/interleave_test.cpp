// The order of addresses: families alternate, each in its own order (C3, RFC 8305).
#include "net/interleave.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tidegate::net {
namespace {

/// "664" is two IPv6 addresses and one IPv4 address, numbered through their ports in this order.
std::vector<Endpoint> addresses(std::string_view families) {
  std::vector<Endpoint> endpoints;
  for (const char family : families) {
    const Port port(static_cast<int>(endpoints.size()));
    endpoints.push_back(family == '4' ? Endpoint::ipv4({}, port) : Endpoint::ipv6({}, port));
  }
  return endpoints;
}

std::string order_of(std::string_view families, std::size_t first_family_count) {
  std::string order;
  for (const Endpoint& endpoint : interleave(addresses(families), first_family_count)) {
    if (!order.empty()) order += ' ';
    order += endpoint.family() == AddressFamily::ipv4 ? "4:" : "6:";
    order += std::to_string(endpoint.port().number());
  }
  return order;
}

TEST(Interleave_C3, families_alternate_from_the_first_one_on) {
  EXPECT_EQ(order_of("6664", 1), "6:0 4:3 6:1 6:2");
  EXPECT_EQ(order_of("666444", 1), "6:0 4:3 6:1 4:4 6:2 4:5");
  EXPECT_EQ(order_of("4466", 1), "4:0 6:2 4:1 6:3");
  EXPECT_EQ(order_of("4664", 1), "4:0 6:1 4:3 6:2");
}

TEST(Interleave_C3, the_first_family_may_have_a_head_start) {
  EXPECT_EQ(order_of("666444", 2), "6:0 6:1 4:3 6:2 4:4 4:5");
  EXPECT_EQ(order_of("666444", 3), "6:0 6:1 6:2 4:3 4:4 4:5");
  EXPECT_EQ(order_of("6644", 3), "6:0 6:1 4:2 4:3");
  EXPECT_EQ(order_of("6644", 1000), "6:0 6:1 4:2 4:3");
}

TEST(Interleave_C3, zero_leaves_the_order_alone) { EXPECT_EQ(order_of("6644", 0), "6:0 6:1 4:2 4:3"); }

TEST(Interleave_C3, one_family_or_none_stays_as_it_is) {
  EXPECT_EQ(order_of("", 1), "");
  EXPECT_EQ(order_of("6", 5), "6:0");
  EXPECT_EQ(order_of("444", 2), "4:0 4:1 4:2");
}

TEST(Interleave_C3, nothing_is_lost_or_doubled_and_each_family_keeps_its_order) {
  for (unsigned pattern = 0; pattern < 256; ++pattern) {
    std::string families;
    for (unsigned bit = 0; bit < 8; ++bit) families += (pattern >> bit & 1U) != 0 ? '4' : '6';
    for (std::size_t count = 0; count < 10; ++count) {
      std::vector<Endpoint> before = addresses(families);
      std::vector<Endpoint> after = interleave(before, count);
      const auto by_family = [](const Endpoint& left, const Endpoint& right) {
        return left.family() < right.family();
      };
      std::stable_sort(before.begin(), before.end(), by_family);
      std::stable_sort(after.begin(), after.end(), by_family);
      ASSERT_EQ(before, after) << families << " " << count;
    }
  }
}

}  // namespace
}  // namespace tidegate::net
