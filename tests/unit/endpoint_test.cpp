// Endpoints as values: what they are made from, compared by, and written as.
#include <tidegate/endpoint.hpp>

#include <set>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>
#include <net/if.h>

namespace tidegate {
namespace {

std::string text_of(std::string_view host, Port port = 80) {
  const auto endpoint = Endpoint::from_numeric_host(host, port);
  return endpoint.has_value() ? endpoint->to_string() : "not numeric";
}

TEST(Endpoint, reads_numeric_hosts) {
  EXPECT_EQ(text_of("127.0.0.1"), "127.0.0.1:80");
  EXPECT_EQ(text_of("255.255.255.255", 65535), "255.255.255.255:65535");
  EXPECT_EQ(text_of("::1"), "[::1]:80");
  EXPECT_EQ(text_of("::"), "[::]:80");
  EXPECT_EQ(text_of("2001:DB8:0:0::1"), "[2001:db8::1]:80");
  EXPECT_EQ(text_of("::ffff:1.2.3.4"), "[::ffff:1.2.3.4]:80");
}

TEST(Endpoint, takes_nothing_else_for_a_number) {
  using namespace std::string_view_literals;
  for (const std::string_view host :
       {""sv, "0"sv, "127.1"sv, "127.0.0.01"sv, "0x7f.0.0.1"sv, "127.0.0.1 "sv, "1.2.3.4.5"sv, "256.0.0.1"sv,
        "localhost"sv, "[::1]"sv, "::1%"sv, "%1"sv, "1.2.3.4%1"sv, "::1::"sv, "fe80::1%no-such-interface"sv,
        "fe80::1%4294967296"sv, "127.0.0.1\0.evil"sv, "::1\0"sv, "fe80::1%lo\0"sv}) {
    EXPECT_FALSE(Endpoint::from_numeric_host(host, 80).has_value()) << host;
  }
}

TEST(Endpoint, keeps_the_scope_of_a_link_local_address) {
  const auto numbered = Endpoint::from_numeric_host("fe80::1%7", 80);
  ASSERT_TRUE(numbered.has_value());
  EXPECT_EQ(numbered->scope_id(), 7U);
  EXPECT_EQ(numbered->host(), "fe80::1%7");
  EXPECT_EQ(numbered->to_string(), "[fe80::1%7]:80");
  EXPECT_EQ(Endpoint::from_numeric_host(numbered->host(), 80), numbered);

  const unsigned loopback = ::if_nametoindex("lo");
  if (loopback == 0) GTEST_SKIP() << "no interface called lo here";
  EXPECT_EQ(Endpoint::from_numeric_host("fe80::1%lo", 80)->scope_id(), loopback);
}

TEST(Endpoint, unix_names_are_checked) {
  EXPECT_EQ(Endpoint::unix_path("/run/x.sock").to_string(), "/run/x.sock");
  EXPECT_EQ(Endpoint::unix_abstract("name").to_string(), "@name");
  EXPECT_EQ(Endpoint::unix_unnamed().to_string(), "(unnamed)");
  EXPECT_EQ(Endpoint::unix_path(std::string(107, 'p')).path().size(), 107U);
  EXPECT_EQ(Endpoint::unix_abstract(std::string(107, 'p')).path().size(), 107U);
  EXPECT_THROW((void)Endpoint::unix_path(std::string(108, 'p')), std::invalid_argument);
  EXPECT_THROW((void)Endpoint::unix_abstract(std::string(108, 'p')), std::invalid_argument);
  EXPECT_THROW((void)Endpoint::unix_path(""), std::invalid_argument);
  EXPECT_THROW((void)Endpoint::unix_path(std::string_view("a\0b", 3)), std::invalid_argument);
}

TEST(Endpoint, writes_control_characters_visibly) {
  EXPECT_EQ(Endpoint::unix_abstract(std::string_view("a\0b\n\x7f", 5)).to_string(), "@a\\x00b\\x0a\\x7f");
  EXPECT_EQ(Endpoint::unix_path("/run/gr\xc3\xbc\xc3\x9f"
                                "e")
                .to_string(),
            "/run/gr\xc3\xbc\xc3\x9f"
            "e");
}

TEST(Endpoint, answers_about_every_kind) {
  const Endpoint none;
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(none.family(), AddressFamily::unspecified);
  EXPECT_EQ(none.to_string(), "(none)");
  EXPECT_EQ(none.with_port(1), none);

  const Endpoint inet4 = Endpoint::ipv4({10, 0, 0, 1}, 5);
  EXPECT_EQ(inet4.family(), AddressFamily::ipv4);
  EXPECT_EQ(inet4.host(), "10.0.0.1");
  EXPECT_EQ(inet4.with_port(6).port().number(), 6);
  EXPECT_EQ(inet4.with_port(6).host(), "10.0.0.1");
  EXPECT_EQ(inet4.path(), "");

  const Endpoint inet6 = Endpoint::ipv6({}, 5, 2, 3);
  EXPECT_EQ(inet6.family(), AddressFamily::ipv6);
  EXPECT_EQ(inet6.scope_id(), 2U);
  EXPECT_EQ(inet6.flow_info(), 3U);
  EXPECT_EQ(inet6.with_port(6), Endpoint::ipv6({}, 6, 2, 3));

  const Endpoint path = Endpoint::unix_path("/x");
  EXPECT_EQ(path.family(), AddressFamily::unix_domain);
  EXPECT_EQ(path.host(), "");
  EXPECT_EQ(path.port().number(), 0);
  EXPECT_EQ(path.with_port(6), path);
  EXPECT_FALSE(path.is_abstract());
  EXPECT_TRUE(Endpoint::unix_abstract("/x").is_abstract());
}

TEST(Endpoint, is_a_value_with_an_order) {
  EXPECT_NE(Endpoint::unix_path("x"), Endpoint::unix_abstract("x"));
  EXPECT_NE(Endpoint::ipv6({}, 1, 2), Endpoint::ipv6({}, 1, 3));
  const std::set<Endpoint> all{Endpoint(), Endpoint::ipv4({}, 1), Endpoint::ipv4({}, 1),
                               Endpoint::ipv4({}, 2)};
  EXPECT_EQ(all.size(), 3U);
}

TEST(Port, takes_every_port_and_no_other_number) {
  EXPECT_EQ(Port(0).number(), 0);
  EXPECT_EQ(Port(65535).number(), 65535);
  EXPECT_THROW(Port(-1), std::invalid_argument);
  try {
    (void)Port(65536);
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "port 65536 is not within 0 ... 65535");
  }
}

}  // namespace
}  // namespace tidegate
