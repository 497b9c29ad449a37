# The warnings our own code is held to, as a target that our targets link privately.
#
# They never reach a user of the library: neither its users' code nor headers of third parties are ours to judge.
#
#   tidegate_warnings        library, command, examples, snippets
#   tidegate_test_warnings   tests: the same without -Wshadow, because GoogleTest's INSTANTIATE_TEST_SUITE_P calls a
#                            parameter `info`, and so does everybody who names the instances with a lambda

add_library(tidegate_test_warnings INTERFACE)
add_library(tidegate_warnings INTERFACE)
target_link_libraries(tidegate_warnings INTERFACE tidegate_test_warnings)
target_compile_options(tidegate_warnings INTERFACE -Wshadow)

target_compile_options(tidegate_test_warnings INTERFACE
  -Wall
  -Wextra
  -Wpedantic
  -Wconversion
  -Wsign-conversion
  -Wold-style-cast
  -Wnon-virtual-dtor
  -Woverloaded-virtual
  -Wcast-align
  -Wcast-qual
  -Wformat=2
  -Wundef
  -Wunused
  -Wimplicit-fallthrough
  -Wextra-semi
  -Wvla)

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(tidegate_test_warnings INTERFACE
    -Wduplicated-cond
    -Wduplicated-branches
    -Wlogical-op
    -Wredundant-tags)

  # No -Wnull-dereference: GCC 12 finds null pointers in its own std::string once enough is inlined, and reports them
  # in whatever code of ours or of CLI11 happens to use one. Under the sanitizers, whose instrumentation branches on
  # everything, -Wmaybe-uninitialized has the same weakness.
  if(TIDEGATE_SANITIZE)
    target_compile_options(tidegate_test_warnings INTERFACE -Wno-maybe-uninitialized)
  endif()
elseif(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  target_compile_options(tidegate_test_warnings INTERFACE -Wnull-dereference -Wthread-safety)
endif()

if(TIDEGATE_WERROR)
  target_compile_options(tidegate_test_warnings INTERFACE -Werror)
endif()
