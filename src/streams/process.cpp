// Subprocesses with coroutines: see process.hpp.
#include <tidegate/event.hpp>
#include <tidegate/loop.hpp>
#include <tidegate/process.hpp>

#include <array>
#include <cstddef>
#include <stdexcept>
#include <utility>

namespace tidegate {

namespace detail {

/// Keeps what a child writes, and knows what of it has ended.
class ProcessProtocol final : public SubprocessProtocol {
 public:
  void connection_made(SubprocessTransportRef transport) override {
    transport_ = std::move(transport);
    for (int fd = 0; fd < static_cast<int>(pipes_.size()); ++fd) {
      if (transport_->get_pipe_transport(fd)) ++open_pipes_;
    }
    if (open_pipes_ == 0) pipes_ended_.set();
  }

  void pipe_data_received(int fd, BytesView data) override {
    std::string& kept = pipes_[static_cast<std::size_t>(fd)];
    kept.append(data.text());
    if (!communicating_ && kept.size() > kKeptBytes) transport_->get_pipe_transport(fd)->pause_reading();
  }

  void pipe_connection_lost(int, const Error&) override {
    if (--open_pipes_ == 0) pipes_ended_.set();
  }

  void process_exited() override { exited_.set(); }

  [[nodiscard]] SubprocessTransport& transport() const noexcept { return *transport_; }
  [[nodiscard]] Event& exited() noexcept { return exited_; }
  [[nodiscard]] Event& pipes_ended() noexcept { return pipes_ended_; }

  /// Somebody waits for all of it: nothing is held back while that lives.
  class Communicating {
   public:
    explicit Communicating(ProcessProtocol& process) : process_(process) {
      if (process_.communicating_) throw InvalidStateError("another task communicates with this process");
      process_.communicating_ = true;
      for (const int fd : {1, 2}) {
        if (const TransportRef pipe = process_.transport().get_pipe_transport(fd)) pipe->resume_reading();
      }
    }
    Communicating(const Communicating&) = delete;
    Communicating& operator=(const Communicating&) = delete;
    ~Communicating() { process_.communicating_ = false; }

   private:
    ProcessProtocol& process_;
  };

  /// Gives the child its input, and the end of it.
  void feed(std::string input) {
    const TransportRef pipe = transport_->get_pipe_transport(0);
    if (!pipe) {
      if (input.empty()) return;
      throw std::invalid_argument("input for a process whose standard input is no pipe");
    }
    if (!input.empty() && !pipe->is_closing()) pipe->write(Chunk(std::move(input)));
    pipe->close();
  }

  [[nodiscard]] ProcessOutput take_output() { return {std::move(pipes_[1]), std::move(pipes_[2])}; }

 private:
  static constexpr std::size_t kKeptBytes = std::size_t{128} * 1024;

  SubprocessTransportRef transport_;
  std::array<std::string, 3> pipes_;
  int open_pipes_ = 0;
  bool communicating_ = false;
  Event exited_;
  Event pipes_ended_;
};

}  // namespace detail

namespace {

using detail::ProcessProtocol;

Task<int> wait_for_exit(std::shared_ptr<ProcessProtocol> process) {
  auto exiting = process->exited().wait();
  co_await std::move(exiting);
  co_return process->transport().get_returncode().value();
}

Task<ProcessOutput> exchange(std::shared_ptr<ProcessProtocol> process, std::string input) {
  const ProcessProtocol::Communicating communicating(*process);
  process->feed(std::move(input));
  auto ending = process->pipes_ended().wait();
  co_await std::move(ending);
  auto exiting = process->exited().wait();
  co_await std::move(exiting);
  co_return process->take_output();
}

Task<Process> started(Task<SubprocessConnection<ProcessProtocol>> starting) {
  auto connection = co_await std::move(starting);
  co_return Process(std::move(connection.protocol));
}

/// Ours, where nothing else was said.
SubprocessOptions inheriting(SubprocessOptions options) {
  for (Stdio* stdio : {&options.standard_input, &options.standard_output, &options.standard_error}) {
    if (stdio->kind() == Stdio::Kind::unspecified) *stdio = Stdio::inherit();
  }
  return options;
}

std::shared_ptr<ProcessProtocol> make_process_protocol() { return std::make_shared<ProcessProtocol>(); }

}  // namespace

int Process::pid() const noexcept { return state_->transport().get_pid(); }

std::optional<int> Process::returncode() const noexcept { return state_->transport().get_returncode(); }

Task<int> Process::wait() const { return wait_for_exit(state_); }

Task<ProcessOutput> Process::communicate(std::string input) const {
  return exchange(state_, std::move(input));
}

void Process::send_signal(int signal_number) const { state_->transport().send_signal(signal_number); }

void Process::terminate() const { state_->transport().terminate(); }

void Process::kill() const { state_->transport().kill(); }

Task<Process> create_subprocess_exec(std::string_view program, const std::vector<std::string>& arguments,
                                     const SubprocessOptions& options) {
  return started(
      get_running_loop().subprocess_exec(&make_process_protocol, program, arguments, inheriting(options)));
}

Task<Process> create_subprocess_shell(std::string_view command, const SubprocessOptions& options) {
  return started(get_running_loop().subprocess_shell(&make_process_protocol, command, inheriting(options)));
}

}  // namespace tidegate
