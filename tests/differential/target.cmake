# The differential test: random scripts, played on every backend, must come out the same.
#
# A program of its own, because it takes arguments from the environment that are for nobody else: see
# differential_test.cpp. The rig and the traced ends are those of the contract tests.

file(GLOB tidegate_differential_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/differential/*.cpp")
add_executable(differential_tests ${tidegate_differential_sources}
  "${PROJECT_SOURCE_DIR}/tests/contract/ground.cpp"
  "${PROJECT_SOURCE_DIR}/tests/contract/rig.cpp"
  "${PROJECT_SOURCE_DIR}/tests/contract/secured_ground.cpp"
  "${PROJECT_SOURCE_DIR}/tests/contract/traced_end.cpp")
target_link_libraries(differential_tests PRIVATE
  tidegate_test_main tidegate_test_support_objects)
tidegate_make_calls_on_simulated_networks(differential_tests)

tidegate_discover_tests(differential_tests differential SHARDS 2)
