# Sanitizers for everything that is built below this directory: library, command, examples and tests alike.
#
# Set by the asan and tsan presets through TIDEGATE_SANITIZE. It is a property of the whole tree and not of one
# target, because a program of which only half is instrumented misses errors (address) or invents them (thread).

if(TIDEGATE_SANITIZE)
  set(tidegate_sanitizer_options
    "-fsanitize=${TIDEGATE_SANITIZE}"
    -fno-sanitize-recover=all  # the first finding fails the test
    -fno-omit-frame-pointer)   # whole stacks in the reports
  if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    # Its check of calls through pointers puts a mark before each function, which clang 14 can't do for coroutines.
    list(APPEND tidegate_sanitizer_options -fno-sanitize=function)
  endif()
  add_compile_options(${tidegate_sanitizer_options})
  add_link_options(${tidegate_sanitizer_options})
endif()

# What the code of tests is compiled with on top of that: tests/**/*.cpp, nothing else.
#
# The library is instrumented whole and optimised as the preset says. In a test, the checks of each pointer for null, for
# its alignment, its size and its dynamic type cost more than they find: a file of 270 lines takes 14 s with them and
# optimised, 5.5 s without both. What else there is of undefined behaviour, and every address, is checked there as well.
add_library(tidegate_test_instrumentation INTERFACE)
if(TIDEGATE_SANITIZE)
  # But for a program that says that it plays for long.
  target_compile_options(tidegate_test_instrumentation INTERFACE
    "$<$<NOT:$<BOOL:$<TARGET_PROPERTY:TIDEGATE_PLAYS_FOR_LONG>>>:-O0>")
endif()
if(TIDEGATE_SANITIZE MATCHES "undefined")
  target_compile_options(tidegate_test_instrumentation INTERFACE
    -fno-sanitize=null,alignment,object-size,vptr,pointer-overflow)
endif()

# Where asserts are on, the standard library checks its own preconditions too: v[n] out of range, empty front().
add_compile_definitions("$<$<CONFIG:Debug>:_GLIBCXX_ASSERTIONS>")
