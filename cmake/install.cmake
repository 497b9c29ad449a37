# What `cmake --install` leaves behind: library, headers, command, licence, and the two ways to find them,
# find_package(tidegate) and pkg-config. Everything is relocatable: the prefix may be moved afterwards.

include(CMakePackageConfigHelpers)

install(TARGETS tidegate
  EXPORT tidegateTargets
  RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}"
  LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/tidegate"
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  FILES_MATCHING PATTERN "*.hpp")

if(TARGET tidegate_command)
  # With a shared library the command looks for it beside itself, wherever the prefix is.
  file(RELATIVE_PATH from_bin_to_lib "${CMAKE_INSTALL_FULL_BINDIR}" "${CMAKE_INSTALL_FULL_LIBDIR}")
  set_target_properties(tidegate_command PROPERTIES INSTALL_RPATH "$ORIGIN/${from_bin_to_lib}")
  install(TARGETS tidegate_command RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
endif()

install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")

# --- find_package(tidegate) --------------------------------------------------------------------------------

set(tidegate_config_dir "${CMAKE_INSTALL_LIBDIR}/cmake/tidegate")

install(EXPORT tidegateTargets NAMESPACE tidegate:: DESTINATION "${tidegate_config_dir}")

configure_package_config_file(
  "${PROJECT_SOURCE_DIR}/cmake/tidegateConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/tidegateConfig.cmake"
  INSTALL_DESTINATION "${tidegate_config_dir}"
  NO_SET_AND_CHECK_MACRO)

# SameMinorVersion: before 1.0 every minor version may break its users.
write_basic_package_version_file(
  "${PROJECT_BINARY_DIR}/tidegateConfigVersion.cmake"
  VERSION "${PROJECT_VERSION}"
  COMPATIBILITY SameMinorVersion)

install(FILES
    "${PROJECT_BINARY_DIR}/tidegateConfig.cmake"
    "${PROJECT_BINARY_DIR}/tidegateConfigVersion.cmake"
  DESTINATION "${tidegate_config_dir}")

# --- pkg-config --------------------------------------------------------------------------------------------

# ${pcfiledir} is where the .pc file lies when it is read; from there back up to the prefix. Directories that the
# builder gave as absolute paths are no part of the prefix and stay as they are.
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
  set(tidegate_pc_prefix "${CMAKE_INSTALL_PREFIX}")
  set(tidegate_pc_libdir "${CMAKE_INSTALL_LIBDIR}")
else()
  file(RELATIVE_PATH up "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
  string(REGEX REPLACE "/$" "" up "${up}")
  set(tidegate_pc_prefix "\${pcfiledir}/${up}")
  set(tidegate_pc_libdir "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
endif()
if(IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
  set(tidegate_pc_includedir "${CMAKE_INSTALL_INCLUDEDIR}")
else()
  set(tidegate_pc_includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()

# What a static library wants beside it. Named here and not in Requires.private, which would ask for liburing's own
# .pc file where only the shared library is used.
set(tidegate_pc_libraries "-pthread")
if(TIDEGATE_IO_URING)
  set(tidegate_pc_libraries "-luring -pthread")
endif()

configure_file("${PROJECT_SOURCE_DIR}/cmake/tidegate.pc.in" "${PROJECT_BINARY_DIR}/tidegate.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/tidegate.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
