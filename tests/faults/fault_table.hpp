// THE TABLE: what a kernel may answer, to which call of which operation, and what has to come of that. Says
// nothing of how it is made to.
#pragma once

#include <tidegate/loop.hpp>

#include "faults/strike.hpp"

#include <span>
#include <string>
#include <vector>

namespace tidegate::faults {

/// What the library was at when a call failed. The flows that do it are in `flows_of`.
enum class Operation {
  receive,
  send,
  send_file,
  accept,
  connect,
  receive_datagrams,
  send_datagrams,
  read_pipe,
  write_pipe,
  watch,
  wait,
  make_loop,
  make_server,
  make_endpoint,
  make_pipe,
  start_process,
};

/// What has to come of it.
enum class Outcome {
  /// Nobody notices: everything arrives, nobody is told.
  unnoticed,
  /// One connection ends, and its `connection_lost` is told that error.
  ends_connection,
  /// The loop's exception handler is told once, and nothing is accepted for a second (C2).
  pauses_accepting,
  /// `error_received` is told that error, and the transport lives on (D2).
  tells_error,
  /// The call throws that error, and nothing else happens.
  call_fails,
  /// `sendfile` throws that error, and the connection lives on.
  file_fails,
  /// The loop stands on epoll instead.
  falls_back,
};

/// On which backends such a call is made, with that outcome.
enum class Where {
  everywhere,
  /// Not on the simulated one, which has no such call: its trains of datagrams are one call like a single
  /// datagram, its writes are never refused for a flag, and it starts no programs.
  of_the_system,
  /// Where a call is made because readiness is told of, and told again while it lasts: epoll, simulated.
  by_readiness,
  epoll,
  io_uring,
};

/// One row: one call, and the errors that are alike.
struct FaultRow {
  Operation operation;
  Call call;
  std::vector<int> errors;
  /// The manual page that says so.
  const char* source;
  Outcome outcome;
  Where where = Where::everywhere;
};

[[nodiscard]] const std::vector<FaultRow>& fault_table();

/// For test reports: "receive", "ECONNRESET".
[[nodiscard]] const char* name_of(Operation operation) noexcept;
[[nodiscard]] std::string name_of_error(int error);

}  // namespace tidegate::faults
