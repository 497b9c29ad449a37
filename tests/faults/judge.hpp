// Whether what was observed is what has to come of a fault. Pure.
#pragma once

#include "faults/fault_table.hpp"
#include "faults/stage.hpp"

#include <exception>
#include <string>

namespace tidegate::faults {

/// What is wrong with it; empty where nothing is.
[[nodiscard]] std::string complaint_about(const Observed& observed, Outcome outcome, int error);

/// Whether this says that there was no memory.
[[nodiscard]] bool is_out_of_memory(const std::exception_ptr& exception);
/// What is wrong with a flow in which an allocation has failed.
[[nodiscard]] std::string complaint_about_memory(const Observed& observed);

}  // namespace tidegate::faults
