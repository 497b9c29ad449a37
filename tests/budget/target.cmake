# The budget tests: how many system calls and how much memory things cost, and what happens when the system refuses.
#
# A program of their own, because they replace operator new and stand between the library and the C library: the linker sends
# the library's calls to __wrap_..., which works for the static library only.

get_target_property(tidegate_library_type tidegate TYPE)
if(tidegate_library_type STREQUAL "SHARED_LIBRARY")
  message(STATUS "No budget tests: they can't watch the system calls of a shared library.")
  return()
endif()

file(GLOB tidegate_budget_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/budget/*.cpp")
add_executable(budget_tests ${tidegate_budget_sources}
  "${PROJECT_SOURCE_DIR}/tests/support/scratch_file.cpp" "${PROJECT_SOURCE_DIR}/tests/support/test_network.cpp")
target_link_libraries(budget_tests PRIVATE tidegate_test_main)

set(tidegate_watched_calls
    epoll_ctl epoll_wait epoll_pwait2 send sendmsg recv sendto sendmmsg recvmmsg accept4 connect sendfile)
if(TIDEGATE_IO_URING)
  list(APPEND tidegate_watched_calls io_uring_submit io_uring_submit_and_get_events io_uring_submit_and_wait
       io_uring_submit_and_wait_timeout)
  target_compile_definitions(budget_tests PRIVATE TIDEGATE_HAS_IO_URING)
  target_link_libraries(budget_tests PRIVATE PkgConfig::liburing)
endif()
foreach(call IN LISTS tidegate_watched_calls)
  target_link_options(budget_tests PRIVATE "LINKER:--wrap=${call}")
endforeach()

# The system calls that are made to fail are those of a loop on epoll. What a message and memory cost is asked on both.
tidegate_discover_tests(budget_tests budget PROPERTIES ENVIRONMENT TIDEGATE_BACKEND=epoll RUN_SERIAL TRUE)
tidegate_discover_tests_on_io_uring(budget_tests budget 1
  "BudgetOfMemory.*:*memory*:*allocate_nothing*:*steady_echo*:*steady_datagrams*" RUN_SERIAL TRUE)
