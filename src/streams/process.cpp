// Subprocesses with coroutines: see process.hpp.
#include <tidegate/event.hpp>
#include <tidegate/loop.hpp>
#include <tidegate/process.hpp>

#include "streams/stream_input.hpp"
#include "streams/stream_output.hpp"

#include <array>
#include <cstddef>
#include <stdexcept>
#include <utility>

namespace tidegate {

namespace detail {

/// The streams of a child, and what of it has ended.
class ProcessProtocol final : public SubprocessProtocol {
 public:
  explicit ProcessProtocol(std::size_t limit) : said_(limit), complained_(limit) {}

  void connection_made(SubprocessTransportRef transport) override {
    transport_ = std::move(transport);
    for (int fd = 0; fd < static_cast<int>(has_pipe_.size()); ++fd) {
      TransportRef pipe = transport_->get_pipe_transport(fd);
      if (!pipe) continue;
      has_pipe_[static_cast<std::size_t>(fd)] = true;
      ++open_pipes_;
      if (fd == 0) {
        told_.attach(std::move(pipe));
      } else {
        input(fd).attach(std::move(pipe));
      }
    }
    if (open_pipes_ == 0) pipes_ended_.set();
  }

  void pipe_data_received(int fd, BytesView data) override { input(fd).feed(data); }
  void pause_writing() override { told_.pause(); }
  void resume_writing() override { told_.resume(); }

  void pipe_connection_lost(int fd, const Error& reason) override {
    const std::exception_ptr exception = reason.exception();
    if (fd == 0) {
      told_.lost(exception);
    } else {
      input(fd).detach();
      if (exception != nullptr) {
        input(fd).fail(exception);
      } else {
        input(fd).feed_eof();
      }
    }
    if (--open_pipes_ == 0) pipes_ended_.set();
  }

  void process_exited() override { exited_.set(); }

  [[nodiscard]] SubprocessTransport& transport() const noexcept { return *transport_; }
  [[nodiscard]] Event& exited() noexcept { return exited_; }
  [[nodiscard]] Event& pipes_ended() noexcept { return pipes_ended_; }
  [[nodiscard]] bool has_pipe(int fd) const noexcept { return has_pipe_[static_cast<std::size_t>(fd)]; }
  /// What comes from 1 or 2.
  [[nodiscard]] StreamInput& input(int fd) noexcept { return fd == 1 ? said_ : complained_; }
  /// What goes to 0.
  [[nodiscard]] StreamOutput& output() noexcept { return told_; }

  /// Somebody waits for all of it: nothing is held back while that lives.
  class Communicating {
   public:
    explicit Communicating(ProcessProtocol& process)
        : said_(process.said_), complained_(process.complained_) {}

   private:
    class Collecting {
     public:
      explicit Collecting(StreamInput& input) : input_(input) { input_.begin_collecting(); }
      Collecting(const Collecting&) = delete;
      Collecting& operator=(const Collecting&) = delete;
      ~Collecting() { input_.end_collecting(); }

     private:
      StreamInput& input_;
    };

    Collecting said_;
    Collecting complained_;
  };

  /// Gives the child its input, and the end of it.
  void feed(std::string input) {
    if (!has_pipe(0)) {
      if (input.empty()) return;
      throw std::invalid_argument("input for a process whose standard input is no pipe");
    }
    const TransportRef& pipe = told_.transport();
    if (!input.empty() && !pipe->is_closing()) pipe->write(Chunk(std::move(input)));
    pipe->close();
  }

  [[nodiscard]] ProcessOutput take_output() {
    return {said_.take_everything(), complained_.take_everything()};
  }

 private:
  SubprocessTransportRef transport_;
  StreamOutput told_{nullptr};
  StreamInput said_;
  StreamInput complained_;
  std::array<bool, 3> has_pipe_{};
  int open_pipes_ = 0;
  Event exited_;
  Event pipes_ended_;
};

}  // namespace detail

namespace {

using detail::ProcessProtocol;
using detail::StreamInput;
using detail::StreamOutput;

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

auto process_protocol_maker(std::size_t limit) {
  // Made here rather than by the factory: a wrong limit is the caller's news.
  return [protocol = std::make_shared<ProcessProtocol>(limit)] { return protocol; };
}

StreamReader reader_of(const std::shared_ptr<ProcessProtocol>& process, int fd) {
  if (!process->has_pipe(fd)) return {};
  return StreamReader(std::shared_ptr<StreamInput>(process, &process->input(fd)));
}

}  // namespace

int Process::pid() const noexcept { return state_->transport().get_pid(); }

std::optional<int> Process::returncode() const noexcept { return state_->transport().get_returncode(); }

Task<int> Process::wait() const { return wait_for_exit(state_); }

Task<ProcessOutput> Process::communicate(std::string input) const {
  return exchange(state_, std::move(input));
}

StreamWriter Process::standard_input() const {
  if (!state_->has_pipe(0)) return {};
  return StreamWriter(std::shared_ptr<StreamOutput>(state_, &state_->output()));
}

StreamReader Process::standard_output() const { return reader_of(state_, 1); }

StreamReader Process::standard_error() const { return reader_of(state_, 2); }

void Process::send_signal(int signal_number) const { state_->transport().send_signal(signal_number); }

void Process::terminate() const { state_->transport().terminate(); }

void Process::kill() const { state_->transport().kill(); }

Task<Process> create_subprocess_exec(std::string_view program, const std::vector<std::string>& arguments,
                                     const SubprocessOptions& options, std::size_t limit) {
  auto make_protocol = process_protocol_maker(limit);
  return started(get_running_loop().subprocess_exec(make_protocol, program, arguments, inheriting(options)));
}

Task<Process> create_subprocess_shell(std::string_view command, const SubprocessOptions& options,
                                      std::size_t limit) {
  auto make_protocol = process_protocol_maker(limit);
  return started(get_running_loop().subprocess_shell(make_protocol, command, inheriting(options)));
}

}  // namespace tidegate
