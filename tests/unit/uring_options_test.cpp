// The sizes of an io_uring, as the environment gives them: what is read, and that what is wrong is named.
#ifdef TIDEGATE_HAS_IO_URING

#include "kernel/uring/uring_options.hpp"

#include <stdexcept>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace tidegate::kernel {
namespace {

std::string refusal_of(std::string_view text) {
  try {
    static_cast<void>(UringOptions::parse(text));
    return "none";
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
}

TEST(UringOptions, nothing_said_means_the_defaults) {
  const UringOptions defaults;
  for (const std::string_view text : {"", ",", ",,,"}) {
    const UringOptions options = UringOptions::parse(text);
    EXPECT_EQ(options.submissions, defaults.submissions);
    EXPECT_EQ(options.completions, defaults.completions);
    EXPECT_EQ(options.buffers, defaults.buffers);
    EXPECT_EQ(options.buffer_bytes, defaults.buffer_bytes);
    EXPECT_EQ(options.incremental, defaults.incremental);
  }
}

TEST(UringOptions, every_setting_is_read_and_the_last_counts) {
  const UringOptions options = UringOptions::parse(
      "submissions=1,completions=2,buffers=4,buffer_bytes=4096,buffer_bytes=1,incremental=0,");
  EXPECT_EQ(options.submissions, 1U);
  EXPECT_EQ(options.completions, 2U);
  EXPECT_EQ(options.buffers, 4U);
  EXPECT_EQ(options.buffer_bytes, 1U);
  EXPECT_FALSE(options.incremental);
  EXPECT_TRUE(UringOptions::parse("incremental=1").incremental);
}

TEST(UringOptions, the_largest_values) {
  const UringOptions options =
      UringOptions::parse("submissions=32768,completions=65536,buffers=32768,buffer_bytes=67108864");
  EXPECT_EQ(options.submissions, 32'768U);
  EXPECT_EQ(options.completions, 65'536U);
  EXPECT_EQ(options.buffers, 32'768U);
  EXPECT_EQ(options.buffer_bytes, 67'108'864U);
}

TEST(UringOptions, there_are_twice_as_many_completions_as_submissions_at_least) {
  EXPECT_EQ(UringOptions::parse("submissions=64,completions=2").completions, 128U);
  EXPECT_EQ(UringOptions::parse("completions=2,submissions=64").completions, 128U);
}

TEST(UringOptions, a_mistake_is_named_together_with_what_was_expected) {
  EXPECT_EQ(refusal_of("buffers=3"),
            "TIDEGATE_IO_URING: \"buffers=3\", expected a power of two from 1 to 32768");
  EXPECT_EQ(refusal_of("buffer_bytes=0"),
            "TIDEGATE_IO_URING: \"buffer_bytes=0\", expected a number from 1 to 67108864");
  EXPECT_EQ(refusal_of("completions=1"),
            "TIDEGATE_IO_URING: \"completions=1\", expected a power of two from 2 to 65536");
  EXPECT_EQ(refusal_of("incremental=2"),
            "TIDEGATE_IO_URING: \"incremental=2\", expected a number from 0 to 1");
  EXPECT_EQ(refusal_of("size=1"),
            "TIDEGATE_IO_URING: \"size=1\", expected submissions=, completions=, buffers=, buffer_bytes= or "
            "incremental=");
}

TEST(UringOptions, what_is_no_number_is_refused) {
  for (const std::string_view text :
       {"buffers", "buffers=", "buffers= 1", "buffers=1 ", "buffers=-1", "buffers=+1", "buffers=0x10",
        "buffers=4k", "buffers=99999999999999999999", "=1", "1"}) {
    EXPECT_NE(refusal_of(text).find(text), std::string::npos) << text << ": " << refusal_of(text);
  }
  EXPECT_NE(refusal_of("buffers=4,buffers=5,incremental=0").find("\"buffers=5\""), std::string::npos);
}

}  // namespace
}  // namespace tidegate::kernel

#endif
