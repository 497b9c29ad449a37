// URLs: what they mean, and what is said about texts that are none.
#include <tidegate/endpoint.hpp>

#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

namespace tidegate {
namespace {

std::string reason_against(std::string_view text) {
  try {
    return "accepted as " + Url::parse(text).to_string();
  } catch (const std::invalid_argument& error) {
    std::string message = error.what();
    const std::string frame = ", expected tcp://HOST:PORT, udp://HOST:PORT, unix:///PATH or unix://@NAME";
    if (!message.ends_with(frame) || !message.starts_with("invalid URL \""))
      return "without its frame: " + message;
    message.resize(message.size() - frame.size());
    return message.substr(message.find("\": ") + 3);
  }
}

void expect_tcp(std::string_view text, std::string_view host, Port port) {
  const Url url = Url::parse(text);
  EXPECT_EQ(url.scheme, Url::Scheme::tcp) << text;
  EXPECT_EQ(url.host, host);
  EXPECT_EQ(url.port, port);
  EXPECT_EQ(url.path, "");
  EXPECT_EQ(url.to_string(), text);
  EXPECT_EQ(Url::parse(url.to_string()), url);
}

void expect_unix(std::string_view text, std::string_view path) {
  const Url url = Url::parse(text);
  EXPECT_EQ(url.scheme, Url::Scheme::unix_domain) << text;
  EXPECT_EQ(url.path, path);
  EXPECT_EQ(url.host, "");
  EXPECT_EQ(url.to_string(), text);
}

TEST(Url, reads_tcp) {
  expect_tcp("tcp://127.0.0.1:8888", "127.0.0.1", 8888);
  expect_tcp("tcp://example.org:0", "example.org", 0);
  expect_tcp("tcp://:65535", "", 65535);
  expect_tcp("tcp://[::1]:80", "::1", 80);
  expect_tcp("tcp://[fe80::1%eth0]:80", "fe80::1%eth0", 80);
}

TEST(Url, reads_udp_as_tcp) {
  for (const char* rest : {"127.0.0.1:9", ":0", "[::1]:65535", "[fe80::1%eth0]:80", "example.org:53"}) {
    const std::string text = std::string("udp://") + rest;
    const Url url = Url::parse(text);
    Url as_tcp = Url::parse(std::string("tcp://") + rest);
    EXPECT_EQ(url.scheme, Url::Scheme::udp);
    EXPECT_EQ(url.to_string(), text);
    EXPECT_NE(url, as_tcp);
    as_tcp.scheme = Url::Scheme::udp;
    EXPECT_EQ(url, as_tcp);
  }
  EXPECT_EQ(reason_against("udp://x"), "the port is missing");
}

TEST(Url, reads_unix) {
  expect_unix("unix:///run/x.sock", "/run/x.sock");
  expect_unix("unix://@name", "@name");
}

TEST(Url, leaves_percent_signs_alone) {
  expect_unix("unix:///run/a%20b", "/run/a%20b");
  expect_tcp("tcp://a%2fb:1", "a%2fb", 1);
}

TEST(Url, says_what_is_wrong_and_what_was_expected) {
  try {
    (void)Url::parse("http://x");
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(
        error.what(),
        "invalid URL \"http://x\": unknown scheme \"http\", expected tcp://HOST:PORT, udp://HOST:PORT, "
        "unix:///PATH or unix://@NAME");
  }
  EXPECT_EQ(reason_against(""), "there is no scheme");
  EXPECT_EQ(reason_against("127.0.0.1:80"), "there is no scheme");
  EXPECT_EQ(reason_against("tcp:/x:1"), "there is no scheme");
  EXPECT_EQ(reason_against("TCP://x:1"), "unknown scheme \"TCP\"");
  EXPECT_EQ(reason_against("://x"), "unknown scheme \"\"");
}

TEST(Url, refuses_bad_ports) {
  EXPECT_EQ(reason_against("tcp://x"), "the port is missing");
  EXPECT_EQ(reason_against("tcp://x:"), "the port is missing");
  EXPECT_EQ(reason_against("tcp://"), "the port is missing");
  for (const std::string port :
       {"65536", "-1", "+1", " 1", "1 ", "http", "80/", "0x50", "99999999999999999999"}) {
    EXPECT_EQ(reason_against("tcp://x:" + port), "the port \"" + port + "\" is not a number from 0 to 65535");
  }
}

TEST(Url, refuses_bad_hosts) {
  EXPECT_EQ(reason_against("tcp://::1:80"), "an IPv6 address stands in brackets, as in tcp://[::1]:80");
  EXPECT_EQ(reason_against("tcp://[::1:80"), "the closing bracket is missing");
  EXPECT_EQ(reason_against("tcp://[::1]"), "the port is missing");
  EXPECT_EQ(reason_against("tcp://[::1]80"), "unexpected \"80\" after the bracket");
  EXPECT_EQ(reason_against("tcp://[]:80"), "\"\" in brackets is not an IPv6 address");
  EXPECT_EQ(reason_against("tcp://[127.0.0.1]:80"), "\"127.0.0.1\" in brackets is not an IPv6 address");
  EXPECT_EQ(reason_against("tcp://a b:80"), "\" \" can not be part of a host");
  EXPECT_EQ(reason_against("tcp://user@x:80"), "\"@\" can not be part of a host");
  EXPECT_EQ(reason_against(std::string_view("tcp://a\0b:80", 12)), "\"\\x00\" can not be part of a host");
}

TEST(Url, refuses_bad_paths) {
  EXPECT_EQ(reason_against("unix://"), "the path is missing");
  EXPECT_EQ(reason_against("unix://@"), "the name is missing");
  EXPECT_EQ(reason_against("unix://run/x"), "the path \"run/x\" does not start with \"/\"");
  EXPECT_EQ(reason_against(std::string_view("unix:///a\0b", 11)), "the path contains a NUL");
  EXPECT_EQ(reason_against("unix:///" + std::string(107, 'p')), "108 bytes, 107 are the limit");
  EXPECT_EQ(reason_against("unix://@" + std::string(108, 'p')), "108 bytes, 107 are the limit");
  EXPECT_EQ(Url::parse("unix://@" + std::string(107, 'p')).path.size(), 108U);
}

}  // namespace
}  // namespace tidegate
