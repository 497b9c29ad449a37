// A child process under the contract: see child_transport.hpp.
#include "transport/child_transport.hpp"

#include <any>
#include <cerrno>
#include <csignal>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>

namespace tidegate::transport {

/// One pipe, which passes on what happens to it. Pipe transport and child hold each other until the pipe has
/// ended.
class ChildTransport::PipeProtocol final : public Protocol {
 public:
  PipeProtocol(ChildTransport& child, int fd) noexcept : child_(&child), fd_(fd) {}

  void data_received(BytesView data) override { child_->pipe_data_received(fd_, data); }
  void connection_lost(const Error& reason) override { child_->pipe_connection_lost(fd_, reason); }
  void pause_writing() override { child_->pause_writing(); }
  void resume_writing() override { child_->resume_writing(); }

 private:
  Ref<ChildTransport> child_;
  int fd_;
};

// --- beginning -----------------------------------------------------------------------------------

ChildTransport::ChildTransport(loop::LoopCore& core, process::Child child,
                               std::shared_ptr<SubprocessProtocol> protocol)
    : ExitWatch(core), core_(core), child_(std::move(child)), protocol_(std::move(protocol)) {}

Ref<ChildTransport> ChildTransport::make(loop::LoopCore& core, process::Child child, ChildPipes pipes,
                                         std::shared_ptr<SubprocessProtocol> protocol) {
  Ref<ChildTransport> transport;
  try {
    transport = Ref<ChildTransport>(new ChildTransport(core, std::move(child), std::move(protocol)));
  } catch (...) {
    static_cast<void>(child.send_signal(SIGKILL));
    child.wait();
    throw;
  }
  transport->retain();  // the loop's hold; `leave` lets go of it
  transport->holds_itself_ = true;
  core.admit(static_cast<loop::Resident&>(*transport));
  try {
    for (int fd = 0; fd < static_cast<int>(pipes.size()); ++fd) {
      std::optional<OwnedPipe>& pipe = pipes[static_cast<std::size_t>(fd)];
      if (!pipe) continue;
      auto passing_on = std::make_shared<PipeProtocol>(*transport, fd);
      Pipe& made = transport->pipes_[static_cast<std::size_t>(fd)];
      made.transport = StreamTransport::make_pipe(core, *pipe, std::move(passing_on),
                                                  fd == 0 ? Direction::write : Direction::read);
      made.connected = true;
    }
  } catch (...) {
    transport->drop();
    throw;
  }
  return transport;
}

void ChildTransport::open() {
  const Ref<ChildTransport> alive(this);
  if (phase_ != Phase::alive) return;  // the loop was closed meanwhile
  ExitWatch::start(child_);
  // Nothing of theirs comes before the loop has come round, and by then the protocol knows of them.
  for (const Pipe& pipe : pipes_) {
    if (pipe.transport) pipe.transport->open();
  }
  tell([&] { protocol_->connection_made(SubprocessTransportRef(this)); },
       "protocol.connection_made() failed");
}

// Kept out of line: GCC 12 does not see that the reference which it inlines last is not the last of all, and
// warns of a use after the delete.
[[gnu::noinline]] void ChildTransport::release() noexcept {
  if (--holders_ == 0) delete this;
}

// --- what happens --------------------------------------------------------------------------------

template <typename Call>
void ChildTransport::tell(const Call& call, const char* failure) {
  const Ref<ChildTransport> alive(this);
  const std::shared_ptr<SubprocessProtocol> told = protocol_;  // it may be replaced from inside
  try {
    call();
  } catch (...) {
    report(failure, std::current_exception());
  }
}

namespace {

/// How much at once is worth a question, and what a pipe that was full is to hold.
constexpr std::size_t kMuchBytes = std::size_t{64} * 1024;
constexpr int kLargePipeBytes = 256 * 1024;

}  // namespace

/// A child that fills its pipe has much to say, and with a larger one there are fewer turns between the two
/// of us. Only then: the system grants its user so much memory for all pipes, and no more.
void ChildTransport::enlarge(const Pipe& pipe, std::size_t full_bytes) noexcept {
  const std::any descriptor = pipe.transport->get_extra_info("pipe");
  const auto* ours = std::any_cast<FileDescriptor>(&descriptor);
  if (ours == nullptr) return;
  // The child may have made it larger than that, and some systems do from the beginning.
  const int size_bytes = ::fcntl(ours->number, F_GETPIPE_SZ);
  if (size_bytes <= 0 || size_bytes >= kLargePipeBytes || full_bytes < static_cast<std::size_t>(size_bytes))
    return;
  static_cast<void>(::fcntl(ours->number, F_SETPIPE_SZ, kLargePipeBytes));  // refused, it works as well
}

void ChildTransport::pipe_data_received(int fd, BytesView data) {
  Pipe& pipe = pipes_[static_cast<std::size_t>(fd)];
  if (data.size() >= kMuchBytes && !std::exchange(pipe.was_looked_at, true)) enlarge(pipe, data.size());
  tell([&] { protocol_->pipe_data_received(fd, data); }, "protocol.pipe_data_received() failed");
}

void ChildTransport::pipe_connection_lost(int fd, const Error& reason) {
  pipes_[static_cast<std::size_t>(fd)].connected = false;
  tell([&] { protocol_->pipe_connection_lost(fd, reason); }, "protocol.pipe_connection_lost() failed");
  lose_if_finished();
}

void ChildTransport::pause_writing() {
  tell([&] { protocol_->pause_writing(); }, "protocol.pause_writing() failed");
}

void ChildTransport::resume_writing() {
  tell([&] { protocol_->resume_writing(); }, "protocol.resume_writing() failed");
}

void ChildTransport::child_ended() {
  if (exited_ || !child_.reap()) return;
  exited_ = true;
  const Ref<ChildTransport> alive(this);
  ExitWatch::stop();
  child_.close_handle();  // the program may keep us for ever
  const loop::LoopCore::CallbackTimer timer(core_);
  tell([&] { protocol_->process_exited(); }, "protocol.process_exited() failed");
  lose_if_finished();
}

/// The one place where `connection_lost` is scheduled: after the exit and after every pipe (S1).
void ChildTransport::lose_if_finished() noexcept {
  if (phase_ != Phase::alive || !exited_) return;
  for (const Pipe& pipe : pipes_) {
    if (pipe.connected) return;
  }
  phase_ = Phase::lost;
  if (!watch_is_over()) return;  // its end brings us back
  queued_ = true;
  core_.schedule(*this);
}

void ChildTransport::watch_ended() noexcept {
  if (phase_ == Phase::ended) return leave();
  if (phase_ != Phase::lost || queued_) return;
  queued_ = true;
  core_.schedule(*this);
}

// --- the end -------------------------------------------------------------------------------------

void ChildTransport::close() {
  if (phase_ != Phase::alive) return;
  core_.check_thread();
  if (std::exchange(closed_, true)) return;
  const Ref<ChildTransport> alive(this);
  const bool runs = !child_.returncode();
  if (runs) static_cast<void>(child_.send_signal(SIGKILL));  // refused where it has become another user's
  for (const Pipe& pipe : pipes_) {
    if (!pipe.transport) continue;
    if (runs) {
      pipe.transport->abort();  // who is killed reads no more
    } else {
      pipe.transport->close();
    }
  }
}

void ChildTransport::run() {
  queued_ = false;
  const Ref<ChildTransport> alive(this);
  try {
    protocol_->connection_lost(Error());
  } catch (...) {
    report("protocol.connection_lost() failed", std::current_exception());
  }
  end();
  leave();
}

void ChildTransport::end() noexcept {
  phase_ = Phase::ended;
  protocol_.reset();
  loop::Resident::unlink();
}

/// Lets go of itself: this may be gone when it returns.
void ChildTransport::leave() noexcept {
  if (watch_is_over() && std::exchange(holds_itself_, false)) release();
}

/// There is no loop to wait for it. One that has become another user's can't be killed, and may never end: it
/// is left to itself.
void ChildTransport::end_child_now() noexcept {
  const bool ends = child_.returncode() || !child_.send_signal(SIGKILL);
  if (ends) {
    child_.wait();
    ExitWatch::stop();
  } else {
    ExitWatch::abandon();
  }
  child_.close_handle();
}

void ChildTransport::drop() noexcept {
  if (phase_ == Phase::ended) return;
  const Ref<ChildTransport> alive(this);
  end_child_now();
  for (const Pipe& pipe : pipes_) {
    if (pipe.transport) pipe.transport->abort();
  }
  end();
  leave();
}

/// The pipes are the loop's own visitors, and told by themselves.
void ChildTransport::loop_closed() noexcept {
  const Ref<ChildTransport> alive(this);
  end_child_now();
  if (phase_ == Phase::alive) report("unclosed transport", nullptr);
  end();
  leave();
}

void ChildTransport::report(const char* message, std::exception_ptr exception) noexcept {
  core_.report(message, std::move(exception), this, protocol_.get());
}

// --- who and what --------------------------------------------------------------------------------

TransportRef ChildTransport::get_pipe_transport(int fd) const noexcept {
  const bool standard = fd >= 0 && fd < static_cast<int>(pipes_.size());
  return standard ? TransportRef(pipes_[static_cast<std::size_t>(fd)].transport) : TransportRef();
}

void ChildTransport::send_signal(int signal_number) {
  const auto check = [&](std::error_code error) {
    if (error) throw OsError(error, "send signal " + std::to_string(signal_number) + " to a subprocess");
  };
  if (phase_ == Phase::ended) check({ESRCH, std::system_category()});
  core_.check_thread();
  check(child_.send_signal(signal_number));
}

void ChildTransport::terminate() { send_signal(SIGTERM); }

void ChildTransport::kill() { send_signal(SIGKILL); }

void ChildTransport::set_protocol(std::shared_ptr<BaseProtocol> protocol) {
  if (phase_ == Phase::ended) return;
  core_.check_thread();
  auto next = std::dynamic_pointer_cast<SubprocessProtocol>(std::move(protocol));
  if (next == nullptr) throw std::invalid_argument("a subprocess transport needs a SubprocessProtocol");
  protocol_ = std::move(next);
}

std::any ChildTransport::get_extra_info(std::string_view name) const {
  if (name == "subprocess") return get_pid();
  return {};
}

}  // namespace tidegate::transport
