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
tidegate_leave_out_tls_without_it(tidegate_fault_sources)
add_executable(fault_tests ${tidegate_fault_sources}
  "${PROJECT_SOURCE_DIR}/tests/contract/ground.cpp")
target_link_libraries(fault_tests PRIVATE
  tidegate_test_main tidegate_test_support_objects)

set(tidegate_intercepted_calls
    recv send sendmsg recvmmsg sendto sendmmsg sendfile read pwritev2 accept4 connect getsockopt epoll_ctl
    epoll_pwait2 socket bind listen setsockopt getsockname fstat pipe2 epoll_create1 eventfd)
if(TIDEGATE_IO_URING)
  list(APPEND tidegate_intercepted_calls io_uring_queue_init_params io_uring_register_buf_ring io_uring_submit
       io_uring_submit_and_get_events io_uring_submit_and_wait io_uring_submit_and_wait_timeout)
  target_compile_definitions(fault_tests PRIVATE TIDEGATE_HAS_IO_URING)
  target_link_libraries(fault_tests PRIVATE PkgConfig::liburing)
endif()
foreach(call IN LISTS tidegate_intercepted_calls)
  target_link_options(fault_tests PRIVATE "LINKER:--wrap=${call}")
endforeach()

# Under a sanitizer, of the allocations of a flow after the sixteenth only every fourth: see RunningCase::is_played.
if(TIDEGATE_SANITIZE)
  tidegate_discover_tests(fault_tests faults SHARDS 4 PROPERTIES ENVIRONMENT TIDEGATE_FAULTS_EVERY=4)
else()
  tidegate_discover_tests(fault_tests faults)
endif()
