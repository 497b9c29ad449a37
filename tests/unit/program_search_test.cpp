// Where a program is searched for.
#include "process/program_search.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidegate::process {
namespace {

using ::testing::ElementsAre;

TEST(ProgramSearch, a_program_that_names_a_folder_is_not_searched_for) {
  EXPECT_THAT(places_of("/bin/true", "/a:/b"), ElementsAre("/bin/true"));
  EXPECT_THAT(places_of("./true", "/a:/b"), ElementsAre("./true"));
  EXPECT_THAT(places_of("folder/true", ""), ElementsAre("folder/true"));
}

TEST(ProgramSearch, any_other_is_searched_for_in_every_folder_in_order) {
  EXPECT_THAT(places_of("true", "/a:/b/"), ElementsAre("/a/true", "/b/true"));
  EXPECT_THAT(places_of("true", "/a"), ElementsAre("/a/true"));
}

TEST(ProgramSearch, an_empty_folder_is_the_present_one) {
  EXPECT_THAT(places_of("true", ""), ElementsAre("true"));
  EXPECT_THAT(places_of("true", ":/a:"), ElementsAre("true", "/a/true", "true"));
}

TEST(ProgramSearch, no_name_is_nowhere) { EXPECT_THAT(places_of("", "/a:/b"), ElementsAre("")); }

TEST(ProgramSearch, the_search_path_is_the_childs_or_the_default) {
  EXPECT_EQ(search_path_of({"HOME=/", "PATH=/a:/b", "PATH=/c"}), "/a:/b");
  EXPECT_EQ(search_path_of({"XPATH=/a", "PATH"}), "/bin:/usr/bin");
  EXPECT_EQ(search_path_of({"PATH="}), "");
}

}  // namespace
}  // namespace tidegate::process
