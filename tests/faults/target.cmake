# The fault tests: system calls, requests to io_uring and allocations that fail, one at a time.
#
# A program of its own, because it replaces operator new and stands between the library and the C library: the linker sends
# the library's calls to __wrap_..., which works for the static library only.

get_target_property(tidegate_library_type tidegate TYPE)
if(tidegate_library_type STREQUAL "SHARED_LIBRARY")
  message(STATUS "No fault tests: they can't stand before the system calls of a shared library.")
  return()
endif()

file(GLOB tidegate_fault_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/faults/*.cpp")
add_executable(fault_tests ${tidegate_fault_sources}
  "${PROJECT_SOURCE_DIR}/tests/contract/ground.cpp")
target_link_libraries(fault_tests PRIVATE
  tidegate_test_support tidegate_test_support_objects GTest::gmock_main)
