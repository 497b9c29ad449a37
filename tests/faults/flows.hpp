// The flows: what programs do with the library, each from a fresh loop to its end. Knows no faults, but
// where one may strike.
#pragma once

#include "faults/fault_table.hpp"
#include "faults/stage.hpp"

#include <span>
#include <string>

namespace tidegate::faults {

struct NamedFlow {
  const char* name;
  Flow flow;
};

/// Twenty and more typical ones, in which any allocation may fail.
[[nodiscard]] std::span<const NamedFlow> typical_flows();

/// Why a flow does not play on that backend; empty where it does.
[[nodiscard]] std::string obstacle_to(const NamedFlow& flow, BackendKind backend);

/// A file for `sendfile`, of kFileBytes; made once.
inline constexpr std::size_t kFileBytes = 700'000;
[[nodiscard]] FileDescriptor file_to_send();

/// Those in which an operation is the one thing that a call may fail in.
[[nodiscard]] std::span<const NamedFlow> flows_of(Operation operation);

// --- streams of bytes --------------------------------------------------------------------------------------
Task<void> play_tcp_echo(Stage& stage);
Task<void> play_unix_echo(Stage& stage);
Task<void> play_pair_echo(Stage& stage);
Task<void> play_buffered_echo(Stage& stage);
Task<void> play_many_clients(Stage& stage);
Task<void> play_happy_eyeballs(Stage& stage);
Task<void> play_writelines(Stage& stage);
Task<void> play_full_buffers(Stage& stage);
Task<void> play_sendfile(Stage& stage);
Task<void> play_pipes(Stage& stage);
Task<void> play_half_closed(Stage& stage);
Task<void> play_streams(Stage& stage);
Task<void> play_serving(Stage& stage);
Task<void> play_accepting(Stage& stage);
Task<void> play_connecting(Stage& stage);
Task<void> play_reset(Stage& stage);
/// Not typical: leaves a connection, with bytes that wait, and a task.
Task<void> leave_open(Stage& stage);

// --- datagrams ---------------------------------------------------------------------------------------------
Task<void> play_datagrams(Stage& stage);

// --- secured -----------------------------------------------------------------------------------------------
Task<void> play_tls_echo(Stage& stage);
Task<void> play_start_tls(Stage& stage);

// --- programs ----------------------------------------------------------------------------------------------
Task<void> play_subprocess(Stage& stage);
Task<void> play_subprocess_and_thread(Stage& stage);
Task<void> play_process_streams(Stage& stage);

// --- the loop itself ---------------------------------------------------------------------------------------
Task<void> play_tasks(Stage& stage);
Task<void> play_timers(Stage& stage);
Task<void> play_threadsafe_calls(Stage& stage);
Task<void> play_executor(Stage& stage);
Task<void> play_readers_and_writers(Stage& stage);
Task<void> play_signals(Stage& stage);

}  // namespace tidegate::faults
