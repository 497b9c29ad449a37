// StoredEndpoint: every kind of endpoint comes back as it was.
#include "net/stored_endpoint.hpp"

#include <string>

#include <gtest/gtest.h>

namespace tidegate::net {
namespace {

TEST(StoredEndpoint, every_kind_comes_back_as_it_was) {
  const Endpoint endpoints[] = {
      Endpoint(),
      Endpoint::ipv4({0, 0, 0, 0}, 0),
      Endpoint::ipv4({255, 255, 255, 255}, 65535),
      Endpoint::ipv4({127, 0, 0, 1}, 8888),
      Endpoint::ipv4({1, 2, 3, 4}, 256),
      Endpoint::ipv6({}, 0),
      Endpoint::ipv6({0xfe, 0x80, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8}, 65535, 3, 0xfffff),
      Endpoint::unix_unnamed(),
      Endpoint::unix_path("/run/x.sock"),
      Endpoint::unix_abstract("x"),
      Endpoint::unix_abstract(std::string(107, 'n')),
  };
  for (const Endpoint& endpoint : endpoints) {
    const StoredEndpoint stored(endpoint);
    EXPECT_EQ(stored.get(), endpoint) << endpoint.to_string();
    EXPECT_EQ(stored.get(), endpoint) << "once more: " << endpoint.to_string();
  }
}

TEST(StoredEndpoint, takes_the_room_of_a_pointer) { EXPECT_EQ(sizeof(StoredEndpoint), sizeof(void*)); }

}  // namespace
}  // namespace tidegate::net
