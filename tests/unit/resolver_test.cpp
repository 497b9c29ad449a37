// Names to addresses: numbers without a resolver, every interface, and what is said about names that are
// none. No test here needs a network or a name server.
#include "net/resolver.hpp"

#include <tidegate/error.hpp>

#include <algorithm>
#include <set>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>
#include <netdb.h>

namespace tidegate::net {
namespace {

/// Refuses names without asking anybody.
constexpr LookupOptions kNumbersOnly{.flags = AI_NUMERICHOST};

using Endpoints = std::vector<Endpoint>;

TEST(Resolver, numeric_hosts_need_no_resolver) {
  EXPECT_EQ(resolve_numeric("127.0.0.1", 80), Endpoints{Endpoint::ipv4({127, 0, 0, 1}, 80)});
  EXPECT_EQ(resolve_numeric("127.0.0.1", "80"), Endpoints{Endpoint::ipv4({127, 0, 0, 1}, 80)});
  EXPECT_EQ(resolve_numeric("127.0.0.1", ""), Endpoints{Endpoint::ipv4({127, 0, 0, 1}, 0)});
  EXPECT_EQ(resolve_numeric("::", 80), Endpoints{Endpoint::ipv6({}, 80)});
  EXPECT_EQ(resolve("fe80::1%5", 80).front().scope_id(), 5U);
}

TEST(Resolver, everything_else_is_left_to_the_resolver) {
  EXPECT_EQ(resolve_numeric("localhost", 80), std::nullopt);
  EXPECT_EQ(resolve_numeric("", 80), std::nullopt);
  EXPECT_EQ(resolve_numeric("127.0.0.1", "http"), std::nullopt);
  EXPECT_EQ(resolve_numeric("127.0.0.1", "65536"), std::nullopt);
  EXPECT_EQ(resolve_numeric("127.0.0.1", 80, {.family = AddressFamily::ipv6}), std::nullopt);
  EXPECT_EQ(resolve_numeric("127.0.0.1", 80, {.family = AddressFamily::unix_domain}), std::nullopt);
  EXPECT_EQ(resolve_numeric(std::string("127.0.0.1\0", 10), 80), std::nullopt);
}

TEST(Resolver_C1, an_empty_host_is_every_interface_where_passive) {
  const Endpoint any4 = Endpoint::ipv4({}, 80);
  const Endpoint any6 = Endpoint::ipv6({}, 80);
  EXPECT_EQ(resolve("", 80, {.passive = true}), (Endpoints{any4, any6}));
  EXPECT_EQ(resolve("", 80, {.family = AddressFamily::ipv4, .passive = true}), Endpoints{any4});
  EXPECT_EQ(resolve("", 80, {.family = AddressFamily::ipv6, .passive = true}), Endpoints{any6});
}

TEST(Resolver, an_empty_host_is_this_machine_where_not_passive) {
  const Endpoints found = resolve("", 80, {.family = AddressFamily::ipv4});
  EXPECT_EQ(found, Endpoints{Endpoint::ipv4({127, 0, 0, 1}, 80)});
}

TEST(Resolver, finds_localhost_with_the_port_and_each_address_once) {
  const Endpoints found = resolve("localhost", 8080);
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(std::set<Endpoint>(found.begin(), found.end()).size(), found.size());
  for (const Endpoint& endpoint : found) EXPECT_EQ(endpoint.port().number(), 8080);
  for (const Endpoint& endpoint : resolve("localhost", 1, {.family = AddressFamily::ipv4})) {
    EXPECT_EQ(endpoint.family(), AddressFamily::ipv4);
  }
}

TEST(Resolver, an_error_names_the_host) {
  try {
    (void)resolve("nosuch.invalid", 80, kNumbersOnly);
    FAIL();
  } catch (const ResolveError& error) {
    EXPECT_STREQ(error.what(), "resolve \"nosuch.invalid\": Name or service not known");
    EXPECT_EQ(error.code(), std::error_code(EAI_NONAME, resolver_category()));
  }
}

TEST(Resolver, an_error_names_the_service_that_nobody_offers) {
  try {
    (void)resolve("127.0.0.1", "no-such-service");
    FAIL();
  } catch (const ResolveError& error) {
    EXPECT_EQ(std::string(error.what()).find("resolve \"127.0.0.1\", service \"no-such-service\": "), 0U);
  }
}

TEST(Resolver, a_long_host_name_is_never_cut) {
  // Cut at 256 bytes it would be a valid address.
  const std::string host = "127.0.0.1" + std::string(5000, '0');
  try {
    (void)resolve(host, 80, kNumbersOnly);
    FAIL();
  } catch (const ResolveError& error) {
    EXPECT_NE(std::string(error.what()).find(host), std::string::npos);
  }
}

TEST(Resolver, names_with_a_nul_and_families_without_hosts_are_argument_errors) {
  EXPECT_THROW((void)resolve(std::string("127.0.0.1\0.evil", 15), 80), std::invalid_argument);
  EXPECT_THROW((void)resolve("127.0.0.1", std::string("80\0", 3)), std::invalid_argument);
  EXPECT_THROW((void)resolve("localhost", 80, {.family = AddressFamily::unix_domain}), std::invalid_argument);
}

TEST(Resolver, an_address_of_another_family_is_an_error) {
  EXPECT_THROW((void)resolve("::1", 80, {.family = AddressFamily::ipv4, .flags = AI_NUMERICHOST}),
               ResolveError);
}

TEST(Resolver, gives_names_back_as_numbers) {
  const int numbers = NI_NUMERICHOST | NI_NUMERICSERV;
  EXPECT_EQ(name_of(Endpoint::ipv4({127, 0, 0, 1}, 80), numbers),
            std::pair(std::string("127.0.0.1"), std::string("80")));
  EXPECT_EQ(name_of(Endpoint::ipv6({}, 80), numbers).first, "::");
  EXPECT_THROW((void)name_of(Endpoint::unix_path("/x")), std::invalid_argument);
  EXPECT_THROW((void)name_of(Endpoint()), std::invalid_argument);
}

}  // namespace
}  // namespace tidegate::net
