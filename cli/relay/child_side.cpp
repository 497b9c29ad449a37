// See child_side.hpp.
#include "relay/child_side.hpp"

#include <tidegate/descriptor.hpp>
#include <tidegate/error.hpp>
#include <tidegate/loop.hpp>

#include <chrono>
#include <csignal>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace tidegate::cli::relay {

namespace {

constexpr std::chrono::seconds kPatience{2};
constexpr int kShellSignalBase = 128;

}  // namespace

bool commands_lead_groups() noexcept {
  const OwnedFileDescriptor terminal(FileDescriptor{::open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC)});
  return !terminal.valid();
}

ChildSide::ChildSide(PairEnd pair_end, std::optional<std::size_t> buffer_bytes, bool leads_group)
    : pair_end_(std::move(pair_end)), buffer_bytes_(buffer_bytes), leads_group_(leads_group) {}

void ChildSide::connection_made(SubprocessTransportRef transport) {
  transport_ = std::move(transport);
  input_ = transport_->get_pipe_transport(STDIN_FILENO);
  output_ = transport_->get_pipe_transport(STDOUT_FILENO);
  output_->pause_reading();
  if (buffer_bytes_) input_->set_write_buffer_limits({.high = *buffer_bytes_});
}

void ChildSide::pipe_data_received(int, BytesView data) { pair_end_.bytes_came(data); }

/// That a command reads no more of its input, or never read any, is its own affair: its status says whether
/// that was wrong.
void ChildSide::pipe_connection_lost(int fd, const Error&) {
  if (fd == STDOUT_FILENO) {
    pair_end_.ended();
  } else if (!has_all_input_) {
    pair_end_.takes_no_more();
  }
}

void ChildSide::connection_lost(const Error& reason) {
  patience_.cancel();
  pair_end_.gone(reason);
}

void ChildSide::end_writing() {
  has_all_input_ = true;
  input_->close();
}

void ChildSide::close() {
  end_writing();
  output_->close();
}

/// Others that the command has started may hold its pipes, and read nothing: what is buffered for them is
/// dropped. Of those in its group nobody is left: closing the transport would kill the shell alone.
void ChildSide::abort() {
  if (!transport_) return;
  const bool ends = send_signal(SIGKILL);
  input_->abort();
  output_->abort();
  transport_->close();
  if (!ends) pair_end_.gone(Error());  // it is another user's (sudo), and goes on without us
}

void ChildSide::terminate() {
  end_writing();
  static_cast<void>(send_signal(SIGTERM));
  patience_ = transport_->loop().call_later(kPatience, [this] { abort(); });
}

/// While the command has not been reaped, its number, and that of its group, are nobody else's. False where
/// it has become another user's, and may not be sent anything.
bool ChildSide::send_signal(int signal_number) {
  if (transport_->get_returncode()) return true;
  if (leads_group_) return ::kill(-transport_->get_pid(), signal_number) == 0;
  try {
    transport_->send_signal(signal_number);
    return true;
  } catch (const OsError&) {
    return false;
  }
}

int ChildSide::exit_status() const noexcept {
  const int returncode = transport_->get_returncode().value_or(0);
  return returncode >= 0 ? returncode : kShellSignalBase - returncode;
}

Level ChildSide::level() const noexcept {
  return {input_->get_write_buffer_size(), input_->get_write_buffer_limits().high};
}

}  // namespace tidegate::cli::relay
