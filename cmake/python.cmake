# Which Python the module is built for and the tests run with: one and the same, so that what was built is tested.
#
# Python3_EXECUTABLE where that is given (pip gives it), or else what scripts/find-python makes of TIDEGATE_PYTHON.

set(TIDEGATE_PYTHON "" CACHE STRING "The Python to build for and to test with; empty: as scripts/find-python chooses")

if(NOT Python3_EXECUTABLE)
  execute_process(
    COMMAND "${PROJECT_SOURCE_DIR}/scripts/find-python" "${TIDEGATE_PYTHON}"
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
    OUTPUT_VARIABLE Python3_EXECUTABLE
    ERROR_VARIABLE tidegate_why_no_python
    RESULT_VARIABLE tidegate_python_result
    OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT tidegate_python_result EQUAL 0 AND TIDEGATE_BUILD_PYTHON)
    message(FATAL_ERROR "${tidegate_why_no_python}"

      "  - -DTIDEGATE_PYTHON=python3.12 (make: PYTHON=python3.12) names another one;\n"
      "  - -DTIDEGATE_BUILD_PYTHON=OFF (make: PYTHON=none) leaves the module out.")
  endif()
endif()

find_package(Python3 REQUIRED COMPONENTS Interpreter)
if(TIDEGATE_BUILD_PYTHON)
  # Asked here and not searched for by CMake, which would keep the folder of the first interpreter for the next one.
  execute_process(
    COMMAND "${Python3_EXECUTABLE}" -c "import sysconfig; print(sysconfig.get_path('include'))"
    OUTPUT_VARIABLE Python3_INCLUDE_DIR
    OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT EXISTS "${Python3_INCLUDE_DIR}/Python.h")
    message(FATAL_ERROR
      "The Python module can't be built: ${Python3_EXECUTABLE} (Python ${Python3_VERSION}) comes without its headers: "
      "there is no ${Python3_INCLUDE_DIR}/Python.h.\n"
      "  - Debian's interpreter has them in the package python3-dev (scripts/install-deps installs it).\n"
      "  - -DTIDEGATE_PYTHON=python3.12 (make: PYTHON=python3.12) builds for another interpreter, 3.11 or newer.\n"
      "  - -DTIDEGATE_BUILD_PYTHON=OFF (make: PYTHON=none) leaves the module out.")
  endif()
  find_package(Python3 3.11 REQUIRED COMPONENTS Interpreter Development.Module)
endif()
