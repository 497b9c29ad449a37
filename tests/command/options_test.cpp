// What the words of `tidegate bench` mean where they are right; wrong ones are tested from outside.
#include "bench/options.hpp"

#include <tidegate/endpoint.hpp>
#include <tidegate/error.hpp>

#include "bench/destination.hpp"

#include <cerrno>
#include <chrono>
#include <string>
#include <system_error>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using tidegate::OsError;
using tidegate::Url;
using tidegate::cli::bench::describe_connect_failure;
using tidegate::cli::bench::Mode;
using tidegate::cli::bench::Options;
using tidegate::cli::bench::parse_options;
using tidegate::cli::bench::Words;

Words words_for(const std::string& mode) {
  Words words;
  words.url = "tcp://127.0.0.1:80";
  words.mode = mode;
  return words;
}

std::size_t size_meant_by(const std::string& text) {
  Words words = words_for("echo");
  words.size = text;
  return parse_options(words).size_bytes;
}

TEST(BenchOptions, one_message_of_64_bytes_on_one_connection_for_ten_seconds_unless_asked_otherwise) {
  const Options options = parse_options(words_for("echo"));
  EXPECT_EQ(options.url, Url::parse("tcp://127.0.0.1:80"));
  EXPECT_EQ(options.mode, Mode::echo);
  EXPECT_EQ(options.connections, 1u);
  EXPECT_EQ(options.size_bytes, 64u);
  EXPECT_EQ(options.pipeline, 1u);
  EXPECT_EQ(options.duration, 10s);
  EXPECT_EQ(parse_options(words_for("source")).size_bytes, 65'536u);
}

TEST(BenchOptions, sizes_are_bytes_kibibytes_and_mebibytes) {
  EXPECT_EQ(size_meant_by("1"), 1u);
  EXPECT_EQ(size_meant_by("1000"), 1000u);
  EXPECT_EQ(size_meant_by("16K"), 16'384u);
  EXPECT_EQ(size_meant_by("16k"), 16'384u);
  EXPECT_EQ(size_meant_by("1M"), 1'048'576u);
  EXPECT_EQ(size_meant_by("1024M"), 1'073'741'824u);
}

TEST(BenchOptions, durations_are_seconds_with_fractions) {
  Words words = words_for("echo");
  words.duration = "0.25";
  EXPECT_EQ(parse_options(words).duration, 250ms);
  words.duration = "86400";
  EXPECT_EQ(parse_options(words).duration, 24h);
}

TEST(BenchOptions, the_warm_up_is_a_tenth_and_a_second_at_most) {
  Options options;
  options.duration = 2s;
  EXPECT_EQ(options.warm_up(), 200ms);
  options.duration = 10s;
  EXPECT_EQ(options.warm_up(), 1s);
  options.duration = 1h;
  EXPECT_EQ(options.warm_up(), 1s);
}

TEST(BenchOptions, every_mode_is_known_by_its_name) {
  for (const Mode mode : {Mode::echo, Mode::source, Mode::sink, Mode::storm, Mode::idle}) {
    EXPECT_EQ(parse_options(words_for(name_of(mode))).mode, mode);
  }
}

TEST(BenchOptions, who_listens_may_leave_out_the_host_and_the_port) {
  Words words = words_for("sink");
  words.url = "tcp://:0";
  words.listen = true;
  EXPECT_TRUE(parse_options(words).listen);
}

TEST(Destination, a_lack_of_local_ports_is_named_with_its_remedy) {
  const OsError error(std::error_code(EADDRNOTAVAIL, std::generic_category()), "connect to 10.0.0.1:80");
  const std::string text = describe_connect_failure(Url::parse("tcp://10.0.0.1:80"), error);
  EXPECT_THAT(text, testing::HasSubstr("cannot connect to tcp://10.0.0.1:80"));
  EXPECT_THAT(text, testing::HasSubstr("no local port is free"));
  EXPECT_THAT(text, testing::HasSubstr("net.ipv4.ip_local_port_range"));
}

TEST(Destination, a_refused_connection_has_no_remedy_of_ours) {
  const OsError error(std::error_code(ECONNREFUSED, std::generic_category()), "connect to 10.0.0.1:80");
  const std::string text = describe_connect_failure(Url::parse("tcp://10.0.0.1:80"), error);
  EXPECT_THAT(text, testing::EndsWith("Connection refused"));
}

}  // namespace
