// A sandbox that refuses a system call, as containers do.
#pragma once

namespace tidegate::testing {

/// From now on this thread, and what it starts, gets `error` for the system call of that number.
void refuse_call(long number, int error);

}  // namespace tidegate::testing
