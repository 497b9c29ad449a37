// An end that is a command: what is sent to it is its standard input, what comes from it its standard output.
#pragma once

#include <tidegate/handle.hpp>
#include <tidegate/subprocess.hpp>

#include "relay/pair.hpp"
#include "relay/side.hpp"

#include <cstddef>
#include <optional>

namespace tidegate::cli::relay {

/// Whether a command gets a process group of its own, so that SIGTERM reaches all that its shell has started.
/// Not where there is a terminal: there Ctrl-C reaches them by itself, and who asks for a password has to be
/// in front.
[[nodiscard]] bool commands_lead_groups() noexcept;

/// The protocol of the subprocess. It has gone when the command has ended, however long that takes.
class ChildSide final : public SubprocessProtocol, public Side {
 public:
  /// `buffer_bytes`: the high mark of its write buffer, where it is not to be the library's. `leads_group`:
  /// the command is started in a process group of its own.
  ChildSide(PairEnd pair_end, std::optional<std::size_t> buffer_bytes, bool leads_group);
  ~ChildSide() override { patience_.cancel(); }

  void connection_made(SubprocessTransportRef transport) override;
  void pipe_data_received(int fd, BytesView data) override;
  void pipe_connection_lost(int fd, const Error& reason) override;
  void pause_writing() override { pair_end_.full(); }
  void resume_writing() override { pair_end_.has_room(); }
  void connection_lost(const Error& reason) override;

  [[nodiscard]] bool reads() const noexcept override { return true; }
  [[nodiscard]] bool writes() const noexcept override { return true; }
  void write(BytesView data) override {
    if (!input_->is_closing()) input_->write(data);
  }
  void end_writing() override;
  [[nodiscard]] bool ends_as_a_whole() const noexcept override { return false; }
  void pause_reading() override { output_->pause_reading(); }
  void resume_reading() override { output_->resume_reading(); }
  /// Closes both pipes; the command is left to find out.
  void close() override;
  /// A command can't be told more than that its input has ended.
  void cut() override { close(); }
  /// Kills the command: its process group where it has one of its own, else the shell.
  void abort() override;
  [[nodiscard]] Level level() const noexcept override;

  /// Asks the command to end: no more input, and SIGTERM. What has not ended two seconds later is killed.
  void terminate();
  /// What a shell would say of how it ended: its status, or 128 + N for signal N. REQUIRES: it has gone.
  [[nodiscard]] int exit_status() const noexcept;

 private:
  [[nodiscard]] bool send_signal(int signal_number);

  PairEnd pair_end_;
  std::optional<std::size_t> buffer_bytes_;
  SubprocessTransportRef transport_;
  TransportRef input_;   // of the command; we write to it
  TransportRef output_;  // of the command; we read from it
  TimerHandle patience_;
  bool leads_group_;
  bool has_all_input_ = false;
};

}  // namespace tidegate::cli::relay
