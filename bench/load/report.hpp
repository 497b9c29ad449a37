// A measurement as one line of JSON.
#pragma once

#include "arguments.hpp"
#include "window.hpp"

namespace load {

/// Prints it to standard output, flushed.
void print_report(const Arguments& arguments, const Measurement& measurement);

}  // namespace load
