# The workload: random but legal use of the whole library on a simulated network, out of one seed each.
#
# A program of its own: it plays millions of seeds as well (make sim), in processes that it starts.

file(GLOB tidegate_sim_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/sim/*.cpp")
set(tidegate_sim_support open_descriptors)
if(TIDEGATE_TLS)
  list(APPEND tidegate_sim_support certificates)
endif()
list(TRANSFORM tidegate_sim_support REPLACE "(.+)" "${PROJECT_SOURCE_DIR}/tests/support/\\1.cpp")
add_executable(tidegate_sim ${tidegate_sim_sources} ${tidegate_sim_support})
target_link_libraries(tidegate_sim PRIVATE tidegate_test_support)
set_target_properties(tidegate_sim PROPERTIES TIDEGATE_PLAYS_FOR_LONG ON)

# Some of them in every preset.
add_test(NAME sim.keeps_the_contract_in_any_weather COMMAND tidegate_sim --seeds 400 --jobs 2)
set_tests_properties(sim.keeps_the_contract_in_any_weather PROPERTIES LABELS sim TIMEOUT 300 COST 100)
