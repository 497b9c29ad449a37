# Everything that ctest runs, and the programs it runs.
#
#   label       what it holds                                                         needs
#   unit        tests/unit/*.cpp: rooms of the library one by one, private headers    GoogleTest
#   contract    tests/contract/*.cpp: the clauses of the contract, every transport    GoogleTest
#   kernel      tests/kernel/*.cpp: what every backend promises, without a loop       GoogleTest
#   budget      tests/budget: what a message and a connection may cost, and faults    GoogleTest
#   faults      tests/faults: every call and every allocation fails once              GoogleTest
#   differential  tests/differential: random scripts, the same on every backend       GoogleTest
#   sim         tests/sim: random use of everything, on a simulated network           GoogleTest
#   tls_peers   tests/tls_peers: TLS with openssl, curl, nginx and gnutls-cli             Python 3, those
#   examples    tests/examples: what examples/ print                                  Python 3
#   command     tests/cli: what the tidegate command does; tests/command: its parts   Python 3, GoogleTest
#   bench       tests/bench: the arithmetic and the pages of bench/run                Python 3
#   python      tests/python: the Python face, and CPython's own tests on it            Python 3, its tests
#   structure   layers, that the checks find mistakes, that the mutants still apply   Python 3
#   install     an outside project builds against the installed library               pkg-config
#
# Compiling is a test as well: every public header alone, and every program in README.md and docs/.

find_package(GTest REQUIRED)
include(GoogleTest)

# A test that hangs fails by name after this long, instead of the whole run failing without one.
set(TIDEGATE_TEST_TIMEOUT_SECONDS 120)

# --- Test programs -----------------------------------------------------------------------------------------

# What several test programs share: tests/support/*.cpp, when there is any.
file(GLOB_RECURSE tidegate_support_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/support/*.cpp")

# Without TLS there is nothing to test in the files that are about it: tls_*.cpp, certificates*.cpp.
function(tidegate_leave_out_tls_without_it list_name)
  if(NOT TIDEGATE_TLS)
    list(FILTER ${list_name} EXCLUDE REGEX "/(tls|certificates)[a-z_]*\\.cpp$")
    set(${list_name} "${${list_name}}" PARENT_SCOPE)
  endif()
endfunction()
tidegate_leave_out_tls_without_it(tidegate_support_sources)

# Under the thread sanitizer only tests run whose names say that they cross threads (CMakePresets.json): files of tests
# in which there is no such word are not compiled.
function(tidegate_leave_out_what_has_no_threads list_name)
  if(NOT TIDEGATE_SANITIZE MATCHES "thread")
    return()
  endif()
  set_property(DIRECTORY "${PROJECT_SOURCE_DIR}" APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${${list_name}})
  foreach(source IN LISTS ${list_name})
    file(STRINGS "${source}" tests REGEX "^TEST" LIMIT_COUNT 1)
    file(STRINGS "${source}" threads REGEX "[Tt]hread" LIMIT_COUNT 1)
    if(tests AND NOT threads)
      list(REMOVE_ITEM ${list_name} "${source}")
    endif()
  endforeach()
  set(${list_name} "${${list_name}}" PARENT_SCOPE)
endfunction()

add_library(tidegate_test_support INTERFACE)
target_include_directories(tidegate_test_support INTERFACE
  "${PROJECT_SOURCE_DIR}/tests"
  "${PROJECT_SOURCE_DIR}/src")  # tests may look at private headers; nothing else outside the library may
target_link_libraries(tidegate_test_support INTERFACE
  tidegate::tidegate tidegate_test_warnings tidegate_test_instrumentation fmt::fmt GTest::gmock GTest::gtest)
if(TIDEGATE_TLS)
  # The tests have certificates and a TLS of their own; what is tested stays behind the public headers.
  target_compile_definitions(tidegate_test_support INTERFACE TIDEGATE_HAS_TLS)
  target_link_libraries(tidegate_test_support INTERFACE OpenSSL::SSL OpenSSL::Crypto)
endif()
if(tidegate_support_sources)
  add_library(tidegate_test_support_objects STATIC ${tidegate_support_sources})
  target_link_libraries(tidegate_test_support_objects PUBLIC tidegate_test_support)
endif()

# What every test program begins with. Objects, because nothing refers to them.
add_library(tidegate_test_main OBJECT
  "${PROJECT_SOURCE_DIR}/tests/main.cpp" "${PROJECT_SOURCE_DIR}/tests/backend_asked_for.cpp")
target_link_libraries(tidegate_test_main PUBLIC tidegate_test_support)

# The tests of a program (or, with TEST_FILTER, some of them) as tests of ctest, labelled as the folder that they come from:
# SHARDS for all of them, each a process that runs every so manyth test, or each test alone (TIDEGATE_EACH_TEST_ALONE): for
# nine thousand, to start the programs takes longer than the tests do. What is said after that are properties of the tests.
#
# PRE_TEST: the tests are listed when ctest starts, under the environment of the test preset, and not by the build,
# which would fail with a sanitizer's report instead of a compiler's.
function(tidegate_discover_tests program label)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "TEST_FILTER;TEST_SUFFIX;SHARDS" "PROPERTIES")
  if(TIDEGATE_EACH_TEST_ALONE)
    gtest_discover_tests(${program}
      DISCOVERY_MODE PRE_TEST
      DISCOVERY_TIMEOUT 60
      WORKING_DIRECTORY "${PROJECT_BINARY_DIR}"
      TEST_FILTER "${arg_TEST_FILTER}"
      TEST_SUFFIX "${arg_TEST_SUFFIX}"
      PROPERTIES LABELS ${label} TIMEOUT ${TIDEGATE_TEST_TIMEOUT_SECONDS} ${arg_PROPERTIES})
    return()
  endif()

  if(NOT arg_SHARDS)
    set(arg_SHARDS 1)
  endif()
  if(NOT arg_TEST_FILTER)
    set(arg_TEST_FILTER "*")
  endif()
  cmake_parse_arguments(property "" "" "ENVIRONMENT" ${arg_PROPERTIES})
  foreach(shard RANGE 1 ${arg_SHARDS})
    math(EXPR index "${shard} - 1")
    set(name "${program}${arg_TEST_SUFFIX}.${shard}_of_${arg_SHARDS}")
    add_test(NAME ${name} WORKING_DIRECTORY "${PROJECT_BINARY_DIR}"
      COMMAND ${program} "--gtest_filter=${arg_TEST_FILTER}" --gtest_brief=1)
    set_tests_properties(${name} PROPERTIES
      LABELS ${label} TIMEOUT 600 COST 60 ${property_UNPARSED_ARGUMENTS}
      FAIL_REGULAR_EXPRESSION "] 0 tests from"
      ENVIRONMENT "GTEST_TOTAL_SHARDS=${arg_SHARDS};GTEST_SHARD_INDEX=${index};${property_ENVIRONMENT}")
  endforeach()
endfunction()

# The same tests once more, with every loop that asks for no backend on io_uring. Only those that `filter` selects: the
# contract tests that take their backend as a parameter are there for both already, and url_test has no loop.
# Where the kernel refuses, tests/backend_asked_for.cpp skips them.
function(tidegate_discover_tests_on_io_uring program label shards filter)
  tidegate_discover_tests(${program} ${label} TEST_FILTER "${filter}" TEST_SUFFIX "_io_uring" SHARDS ${shards}
    PROPERTIES ENVIRONMENT TIDEGATE_BACKEND=io_uring ${ARGN})
endfunction()

# The suites in tests/<folder>/*.cpp whose fixture is a testing::LoopFixture, as a filter.
function(tidegate_filter_of_suites_with_a_loop folder result)
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/${folder}/*.cpp")
  set_property(DIRECTORY "${PROJECT_SOURCE_DIR}" APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${sources})
  set(suites)
  foreach(source IN LISTS sources)
    file(STRINGS "${source}" fixtures REGEX "^class [A-Za-z0-9_]+ : public testing::LoopFixture")
    list(TRANSFORM fixtures REPLACE "^class ([A-Za-z0-9_]+) .*" "\\1.*")
    list(APPEND suites ${fixtures})
  endforeach()
  list(JOIN suites ":" filter)
  set(${result} "${filter}" PARENT_SCOPE)
endfunction()

# One program for all .cpp files of tests/<folder>, and its tests as tests of ctest, in so many shards where there are any.
# A folder in which nothing is left is no error: it has no tests. What is said after that is built first.
function(tidegate_add_test_program program folder shards)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/${folder}/*.cpp")
  tidegate_leave_out_tls_without_it(sources)
  tidegate_leave_out_what_has_no_threads(sources)
  if(NOT sources)
    return()
  endif()
  add_executable(${program} ${sources})
  target_link_libraries(${program} PRIVATE
    tidegate_test_main "$<TARGET_NAME_IF_EXISTS:tidegate_test_support_objects>")
  # So that a test can start what this build made. Programs are found by path, not through PATH.
  target_compile_definitions(${program} PRIVATE
    TIDEGATE_BINARY_DIR="${PROJECT_BINARY_DIR}" TIDEGATE_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  foreach(dependency IN LISTS ARGN)
    if(TARGET ${dependency})
      add_dependencies(${program} ${dependency})
    endif()
  endforeach()

  tidegate_discover_tests(${program} ${folder} SHARDS ${shards})
endfunction()

tidegate_add_test_program(unit_tests unit 2)
tidegate_add_test_program(contract_tests contract 8)

# On a simulated network, tests that make system calls of their own make them there: tests/support/simulated_calls.cpp.
function(tidegate_make_calls_on_simulated_networks program)
  foreach(call IN ITEMS socket socketpair pipe2 accept accept4 close bind listen connect getsockname getpeername getsockopt
                        setsockopt shutdown fcntl ioctl poll recv recvfrom recvmsg read send sendto sendmsg write)
    target_link_options(${program} PRIVATE "LINKER:--wrap=${call}")
  endforeach()
endfunction()
tidegate_make_calls_on_simulated_networks(contract_tests)

# The same tests on a simulated network, in some processes for all of them. Without those that are about things of the
# system's: files and terminals, children, signals, threads that wait for each other, real time.
set(tidegate_about_the_system
  "*_io_uring" "*io_uring*" "Executor*" "*Threads*" "*threads*" "InnerLoop*" "*Signal*" "*Spin*" "CloseOnExec*" "Descriptors.*"
  "Children/*" "Subprocess*" "Process*" "StandardDescriptors*"
  "*PipeDevices*" "*PipeSharing*" "PipeKinds*" "PipeDebugMode*" "*DebugMode_E3*slow*" "*SendfileOddFiles*" "*a_child_and_its_pipes*"
  "SendfileOverPipes*terminal*" "SendfileOverPipes*device*"
  "UnixSockets_C4.*" "*what_is_no_socket*" "*a_stale_file*" "*nobody_there*unix*" "*a_peer_that_turns*unix*"
  # What a simulated network does not have: descriptors in messages, urgent bytes, scopes, duplicates of sockets.
  "*passed_descriptors*" "*out_of_band*" "*takes_several_receives*" "*the_scope_of*" "*a_duplicated_descriptor_does*"
  # They ask the system how many segments it has sent, or how much memory there is beside what the network holds.
  "*W4_leaves_in_one_gathered*" "*W6_what_one_callback_writes*" "*W6_what_is_written_leaves_before*" "*4_GiB*"
  "*T4_what_is_not_read_is_not_downloaded*" "*F6_a_peer_that_never_reads_costs*" "*T3_what_a_broken_connection_does_not_take*"
  "Timers_E1.one_that_becomes_due_while_callbacks_run*"  # a clock that nobody waits for stands still
  # They make a loop of their own, need an address that is not this machine's, or a queue that is full at once.
  "Connect_C3.closing_the_loop_while*" "Connect_C3.a_local_address_that_is_not_ours*" "*N1_one_that_is_cancelled_while_it_waits*")
list(JOIN tidegate_about_the_system ":" tidegate_about_the_system)
foreach(shard RANGE 3)
  add_test(NAME contract.on_a_simulated_network_${shard}
    COMMAND contract_tests "--gtest_filter=-${tidegate_about_the_system}" --gtest_brief=1)
  set_tests_properties(contract.on_a_simulated_network_${shard} PROPERTIES
    LABELS contract TIMEOUT 600 COST 50
    ENVIRONMENT "TIDEGATE_TEST_NETWORK=1;GTEST_TOTAL_SHARDS=4;GTEST_SHARD_INDEX=${shard}")
endforeach()
tidegate_filter_of_suites_with_a_loop(unit unit_tests_with_a_loop)
tidegate_discover_tests_on_io_uring(unit_tests unit 1 "${unit_tests_with_a_loop}")
tidegate_discover_tests_on_io_uring(contract_tests contract 4 "-*_epoll:*_io_uring")
if(TARGET tidegate_command_parts)
  tidegate_add_test_program(command_tests command 1)
  if(TARGET command_tests)
    target_link_libraries(command_tests PRIVATE tidegate_command_parts)
  endif()
endif()

# Looks at each backend without a loop: see tests/kernel/seam_test.hpp.
tidegate_add_test_program(kernel_tests kernel 2)
tidegate_make_calls_on_simulated_networks(kernel_tests)
if(TIDEGATE_IO_URING)
  # These two look at private headers that include liburing's.
  foreach(program IN ITEMS unit_tests kernel_tests)
    target_compile_definitions(${program} PRIVATE TIDEGATE_HAS_IO_URING)
    target_link_libraries(${program} PRIVATE PkgConfig::liburing)
  endforeach()
endif()

# Counts allocations and system calls, so it is a program of its own.
include("${PROJECT_SOURCE_DIR}/tests/budget/target.cmake" OPTIONAL)

# Makes system calls, requests and allocations fail, so it is a program of its own.
include("${PROJECT_SOURCE_DIR}/tests/faults/target.cmake" OPTIONAL)

# Takes its seeds from the environment, so it is a program of its own.
include("${PROJECT_SOURCE_DIR}/tests/differential/target.cmake")

# Plays seeds in processes of its own, so it is a program of its own.
include("${PROJECT_SOURCE_DIR}/tests/sim/target.cmake")

# --- Rings in which everything runs out --------------------------------------------------------------------
# The default sizes of an io_uring hide what happens when there is no room for a request or a completion, and when no
# buffer is free. Each of these is one ctest test, for the whole is what counts, and it is slow to start hundreds.

function(tidegate_add_tiny_ring_test name program label settings filter)
  add_test(NAME ${name} COMMAND ${program} "--gtest_filter=${filter}" --gtest_brief=1)
  # They take longest: begun first, they do not keep one processor waiting in the end.
  set_tests_properties(${name} PROPERTIES
    LABELS ${label} TIMEOUT 600 COST 100
    ENVIRONMENT "TIDEGATE_BACKEND=io_uring;TIDEGATE_IO_URING=${settings}"
    SKIP_REGULAR_EXPRESSION "SKIPPED . every test")
endfunction()

if(TIDEGATE_IO_URING)
  set(tiny "submissions=1,completions=2,buffers=1")
  tidegate_add_tiny_ring_test(differential.comes_out_the_same_on_a_tiny_ring differential_tests differential
    "${tiny},buffer_bytes=64" "*DifferentialTest*")
  tidegate_add_tiny_ring_test(differential.comes_out_the_same_on_a_tiny_ring_of_whole_buffers differential_tests
    differential "${tiny},buffer_bytes=64,incremental=0" "*DifferentialTest*")
  # One buffer is no reason for a test to see less at a time than it expects.
  tidegate_add_tiny_ring_test(contract.streams_on_a_tiny_ring contract_tests contract
    "${tiny},buffer_bytes=65536" "Streams/*_io_uring")
  tidegate_add_tiny_ring_test(contract.pipes_and_children_on_a_tiny_ring contract_tests contract
    "${tiny},buffer_bytes=64" "Pipe*:Standard*:Children/*")
endif()

# --- Every public header compiles alone --------------------------------------------------------------------
# One source per header, which includes it first and then again: it must bring what it needs, and guard itself.

file(GLOB_RECURSE tidegate_public_headers CONFIGURE_DEPENDS
  RELATIVE "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/include/tidegate/*.hpp")

set(alone_sources)
foreach(header IN LISTS tidegate_public_headers)
  string(REPLACE "/" "_" name "${header}")
  set(source "${PROJECT_BINARY_DIR}/public_headers_alone/${name}.cpp")
  # file(CONFIGURE) leaves a file that is right already untouched, so configuring again compiles nothing again.
  file(CONFIGURE OUTPUT "${source}" CONTENT "#include <${header}>\n#include <${header}>\n" @ONLY)
  list(APPEND alone_sources "${source}")
endforeach()

# Whether it compiles does not depend on a sanitizer: those builds leave it to the others.
if(alone_sources AND NOT TIDEGATE_SANITIZE)
  add_library(public_headers_alone OBJECT ${alone_sources})
  target_link_libraries(public_headers_alone PRIVATE tidegate::tidegate tidegate_warnings)
  target_compile_options(public_headers_alone PRIVATE -O0)  # only whether it compiles is of interest
endif()

# --- Every program in README.md and docs/ compiles ---------------------------------------------------------

file(GLOB tidegate_documents CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/README.md" "${PROJECT_SOURCE_DIR}/docs/*.md")
set_property(DIRECTORY "${PROJECT_SOURCE_DIR}" APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
  ${tidegate_documents} "${PROJECT_SOURCE_DIR}/scripts/extract-snippets")

execute_process(
  COMMAND "${Python3_EXECUTABLE}" "${PROJECT_SOURCE_DIR}/scripts/extract-snippets"
          --output "${PROJECT_BINARY_DIR}/snippets" ${tidegate_documents}
  WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
  OUTPUT_VARIABLE tidegate_snippets
  RESULT_VARIABLE result
  OUTPUT_STRIP_TRAILING_WHITESPACE)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "scripts/extract-snippets found a block of code that it cannot take (see above).")
endif()
string(REPLACE "\n" ";" tidegate_snippets "${tidegate_snippets}")

if(TIDEGATE_SANITIZE)
  set(tidegate_snippets)  # as above
endif()
foreach(source IN LISTS tidegate_snippets)
  cmake_path(GET source STEM name)
  add_executable(${name} "${source}")
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/snippets")
  target_link_libraries(${name} PRIVATE tidegate::tidegate tidegate_warnings)
  # Only whether it compiles is of interest. The #line of a snippet names the document, and GCC takes what is not the main
  # file for a header, in which a coroutine with a lambda would deserve this warning.
  target_compile_options(${name} PRIVATE -O0 $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
endforeach()

# --- Structure ---------------------------------------------------------------------------------------------

function(tidegate_add_script_test name label)
  add_test(NAME ${name} COMMAND ${ARGN} WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
  set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT ${TIDEGATE_TEST_TIMEOUT_SECONDS})
endfunction()

tidegate_add_script_test(structure.layers_hold structure
  "${Python3_EXECUTABLE}" scripts/check-layers)
tidegate_add_script_test(structure.layer_check_finds_violations structure
  "${Python3_EXECUTABLE}" scripts/check-layers --self-test)
tidegate_add_script_test(structure.snippet_extraction_finds_mistakes structure
  "${Python3_EXECUTABLE}" scripts/extract-snippets --self-test)
# The faults of `make mutants`, which builds for long and is no test: whether they still fit what they are for.
tidegate_add_script_test(structure.mutants_apply_and_name_tests_that_exist structure
  "${Python3_EXECUTABLE}" tests/mutants/run --check)
tidegate_add_script_test(structure.mutant_runner_tells_what_became_of_a_fault structure
  "${Python3_EXECUTABLE}" tests/mutants/test)

# --- The examples and the command, as a user runs them -----------------------------------------------------

if(TIDEGATE_BUILD_EXAMPLES)
  tidegate_add_script_test(examples.print_what_the_documentation_says examples
    "${Python3_EXECUTABLE}" tests/examples/run "${PROJECT_BINARY_DIR}/examples")
endif()
if(TARGET tidegate_command)
  # One for each room of tests/cli. Demos, loads and relays, some of which wait, are slow under a sanitizer.
  file(STRINGS "${PROJECT_SOURCE_DIR}/tests/cli/run" rooms REGEX "^import [a-z_]+$")
  list(TRANSFORM rooms REPLACE "^import " "")
  foreach(room IN LISTS rooms)
    if(EXISTS "${PROJECT_SOURCE_DIR}/tests/cli/${room}.py")
      tidegate_add_script_test(command.${room} command
        "${PROJECT_SOURCE_DIR}/tests/cli/run" "$<TARGET_FILE:tidegate_command>" ${room})
      set_tests_properties(command.${room} PROPERTIES TIMEOUT 300 COST 100)
    endif()
  endforeach()
endif()

# --- TLS with other people's programs -----------------------------------------------------------------------
# A little HTTPS server and client of ours, and one ctest test for each program that they talk to.

if(TIDEGATE_TLS)
  foreach(program IN ITEMS server client certificates)
    add_executable(tls_peers_${program} "${PROJECT_SOURCE_DIR}/tests/tls_peers/${program}.cpp")
    set_target_properties(tls_peers_${program} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tls_peers")
    target_include_directories(tls_peers_${program} PRIVATE "${PROJECT_SOURCE_DIR}/tests")
    target_link_libraries(tls_peers_${program} PRIVATE tidegate::tidegate tidegate_test_warnings)
  endforeach()
  target_link_libraries(tls_peers_certificates PRIVATE tidegate_test_support tidegate_test_support_objects)
  foreach(peer IN ITEMS openssl curl nginx gnutls)
    tidegate_add_script_test(tls_peers.${peer} tls_peers
      "${PROJECT_SOURCE_DIR}/tests/tls_peers/run" "${PROJECT_BINARY_DIR}/tls_peers" ${peer})
    set_tests_properties(tls_peers.${peer} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 300 COST 100)
  endforeach()
endif()

# --- The runner of the benchmarks --------------------------------------------------------------------------
# Over programs that only pretend, so that it needs no benchmark to be built, and no sanitizer has anything to see.

if(NOT TIDEGATE_SANITIZE)
  tidegate_add_script_test(bench.runner_measures_and_reports bench
    "${Python3_EXECUTABLE}" tests/bench/run)
  set_tests_properties(bench.runner_measures_and_reports PROPERTIES
    TIMEOUT 300)  # it starts hundreds of programs
endif()

# --- The Python face ---------------------------------------------------------------------------------------

add_subdirectory("${PROJECT_SOURCE_DIR}/tests/python")

# --- Installation ------------------------------------------------------------------------------------------
# Not under a sanitizer: the outside project is built plainly, as its users would, and could not link.

if(TIDEGATE_INSTALL AND NOT TIDEGATE_SANITIZE)
  tidegate_add_script_test(install.outside_project_builds_with_cmake_and_pkg_config install
    "${PROJECT_SOURCE_DIR}/tests/install/run" "${PROJECT_BINARY_DIR}")
  set_tests_properties(install.outside_project_builds_with_cmake_and_pkg_config PROPERTIES
    ENVIRONMENT "CXX=${CMAKE_CXX_COMPILER};CMAKE=${CMAKE_COMMAND}"
    TIMEOUT 300)  # it configures and compiles
endif()
