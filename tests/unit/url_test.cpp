// URLs: what they mean, and what is said about texts that are none.
#include <tidegate/endpoint.hpp>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tidegate {
namespace {

std::string reason_against(std::string_view text) {
  try {
    return "accepted as " + Url::parse(text).to_string();
  } catch (const std::invalid_argument& error) {
    std::string message = error.what();
    const std::string frame =
        ", expected tcp://HOST:PORT, tls://HOST:PORT?NAME=VALUE, udp://HOST:PORT, unix:///PATH or "
        "unix://@NAME";
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

TEST(Url, reads_tls_with_its_parameters_in_order) {
  const Url url = Url::parse("tls://example.org:443?cert=/etc/x.pem&verify=none&alpn=h2,http/1.1");
  EXPECT_EQ(url.scheme, Url::Scheme::tls);
  EXPECT_EQ(url.host, "example.org");
  EXPECT_EQ(url.port, Port(443));
  const std::vector<Url::Parameter> expected = {
      {"cert", "/etc/x.pem"}, {"verify", "none"}, {"alpn", "h2,http/1.1"}};
  EXPECT_EQ(url.query, expected);
  EXPECT_EQ(url.to_string(), "tls://example.org:443?cert=/etc/x.pem&verify=none&alpn=h2,http/1.1");
  EXPECT_NE(url, Url::parse("tls://example.org:443?verify=none&cert=/etc/x.pem&alpn=h2,http/1.1"));
}

TEST(Url, reads_tls_without_parameters_as_tcp) {
  for (const char* rest : {"127.0.0.1:9", ":0", "[::1]:65535", "[fe80::1%eth0]:80", "example.org:53"}) {
    const std::string text = std::string("tls://") + rest;
    Url as_tcp = Url::parse(std::string("tcp://") + rest);
    as_tcp.scheme = Url::Scheme::tls;
    EXPECT_EQ(Url::parse(text), as_tcp);
    EXPECT_EQ(Url::parse(text).to_string(), text);
  }
  EXPECT_EQ(reason_against("tls://x"), "the port is missing");
  EXPECT_EQ(reason_against("tls://x?cert=y"), "the port is missing");
  EXPECT_EQ(reason_against("tls://[::1]?cert=[::1]:80"), "the port is missing");
}

TEST(Url, decodes_what_is_behind_the_question_mark) {
  const auto value_of = [](std::string_view value) {
    return Url::parse("tls://x:1?cert=" + std::string(value)).query.front().value;
  };
  EXPECT_EQ(value_of(""), "");
  EXPECT_EQ(value_of("a%20b"), "a b");
  EXPECT_EQ(value_of("%2Fa%2fb"), "/a/b");
  EXPECT_EQ(value_of("50%25"), "50%");
  EXPECT_EQ(value_of("%2525"), "%25");
  EXPECT_EQ(value_of("a%26b%3Dc"), "a&b=c");
  EXPECT_EQ(value_of("a=b=c"), "a=b=c");
  EXPECT_EQ(value_of("a+b?c#d"), "a+b?c#d");
  EXPECT_EQ(value_of("%C3%A4\xC3\xB6"), "\xC3\xA4\xC3\xB6");
  EXPECT_EQ(Url::parse("tls://x:1?%63ert=y").query.front().name, "cert");
}

TEST(Url, writes_every_byte_so_that_it_is_read_as_the_same) {
  std::string all;
  for (int value = 1; value < 256; ++value) all += static_cast<char>(value);
  Url url = Url::parse("tls://x:1");
  url.query = {{all, all}, {"cert", all}};
  const std::string text = url.to_string();
  EXPECT_EQ(Url::parse(text), url);
  const auto is_plain = [](char character) { return character > ' ' && character < '\x7f'; };
  EXPECT_TRUE(std::all_of(text.begin(), text.end(), is_plain)) << text;
}

TEST(Url, refuses_bad_parameters) {
  EXPECT_EQ(reason_against("tls://x:1?"), "the parameter \"\" is not NAME=VALUE");
  EXPECT_EQ(reason_against("tls://x:1?cert"), "the parameter \"cert\" is not NAME=VALUE");
  EXPECT_EQ(reason_against("tls://x:1?=y"), "the parameter \"=y\" is not NAME=VALUE");
  EXPECT_EQ(reason_against("tls://x:1?a=b&"), "the parameter \"\" is not NAME=VALUE");
  EXPECT_EQ(reason_against("tls://x:1?a=b&&c=d"), "the parameter \"\" is not NAME=VALUE");
  EXPECT_EQ(reason_against("tls://x:1?a=b&c=d&a=b"), "the parameter \"a\" stands there twice");
  EXPECT_EQ(reason_against("tls://x:1?a=1&%61=2"), "the parameter \"a\" stands there twice");
  EXPECT_EQ(reason_against("tls://x:1?cert=a%00b"), "\"a%00b\" contains a NUL");
  for (const std::string value : {"%", "%4", "%4g", "%g4", "%+1", "%-1", "%%20", "a% 1"}) {
    EXPECT_EQ(reason_against("tls://x:1?cert=" + value),
              "\"" + value + "\" has a % without two hexadecimal digits behind it; % itself is %25");
  }
}

TEST(Url, takes_parameters_of_tls_only) {
  EXPECT_EQ(reason_against("tcp://x:1?cert=y"), "only tls:// takes parameters");
  EXPECT_EQ(reason_against("udp://x:1?cert=y"), "only tls:// takes parameters");
  expect_unix("unix:///run/x?cert=y", "/run/x?cert=y");
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
    EXPECT_STREQ(error.what(),
                 "invalid URL \"http://x\": unknown scheme \"http\", expected tcp://HOST:PORT, "
                 "tls://HOST:PORT?NAME=VALUE, udp://HOST:PORT, unix:///PATH or unix://@NAME");
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
