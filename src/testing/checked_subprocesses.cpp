// Checked protocols of subprocesses (contract S1).
#include "testing/checked.hpp"

#include <array>
#include <string>

#include <fmt/format.h>

namespace tidegate::checking {

namespace {

class CheckedSubprocessProtocol final : public CheckedBase<SubprocessProtocol> {
 public:
  using CheckedBase::CheckedBase;

  void connection_made(SubprocessTransportRef transport) override {
    transport_ = transport;
    for (int fd = 0; transport && fd < kPipes; ++fd)
      pipe(fd) = transport->get_pipe_transport(fd) ? Pipe::open : Pipe::none;
    check_made(std::move(transport));
  }
  void pipe_data_received(int fd, BytesView data) override {
    const Called called{
        .name = "pipe_data_received", .clause = "S1", .arguments = fmt::format("({}, {})", fd, data.size())};
    check(
        called,
        [&] {
          if (data.empty()) record()->breach("R1", "pipe_data_received with no data");
          if (fd != 1 && fd != 2) {
            record()->breach("S1", "pipe_data_received of " + std::to_string(fd));
          } else {
            check_open(fd, called.name);
          }
        },
        [&] { behind().pipe_data_received(fd, data); });
  }
  void pipe_connection_lost(int fd, const Error& reason) override {
    const Called called{.name = "pipe_connection_lost",
                        .clause = "S1",
                        .arguments = fmt::format("({}, {})", fd, reason.message())};
    check(
        called,
        [&] {
          if (check_open(fd, called.name)) pipe(fd) = Pipe::lost;
        },
        [&] { behind().pipe_connection_lost(fd, reason); });
  }
  void process_exited() override {
    check(
        {.name = "process_exited", .clause = "S1"},
        [&] {
          if (std::exchange(exited_, true)) record()->breach("S1", "process_exited a second time");
          if (transport_ && !transport_->get_returncode())
            record()->breach("S3", "process_exited, and there is no return code");
        },
        [&] { behind().process_exited(); });
  }
  void connection_lost(const Error& reason) override {
    check_lost(reason, [&] { check_finished(reason); });
    transport_ = nullptr;
  }

 private:
  enum class Pipe : unsigned char { none, open, lost };
  static constexpr int kPipes = 3;

  [[nodiscard]] Pipe& pipe(int fd) noexcept { return pipes_[static_cast<std::size_t>(fd)]; }

  bool check_open(int fd, const char* called) {
    const std::string what = std::string(called) + " of " + std::to_string(fd);
    if (fd < 0 || fd >= kPipes || pipe(fd) == Pipe::none) {
      record()->breach("S1", what + ", which is no pipe");
    } else if (pipe(fd) == Pipe::lost) {
      record()->breach("S1", what + ", after its pipe_connection_lost");
    } else {
      return true;
    }
    return false;
  }

  void check_finished(const Error& reason) {
    if (reason) record()->breach("S1", "connection_lost with a reason");
    if (!exited_) record()->breach("S1", "connection_lost before process_exited");
    for (int fd = 0; fd < kPipes; ++fd) {
      if (pipe(fd) == Pipe::open)
        record()->breach("S1", "connection_lost before the pipe_connection_lost of " + std::to_string(fd));
    }
  }

  SubprocessTransportRef transport_;
  std::array<Pipe, kPipes> pipes_{};
  bool exited_ = false;
};

}  // namespace

std::shared_ptr<SubprocessProtocol> make_checked(std::shared_ptr<ContractRecord> record,
                                                 std::shared_ptr<SubprocessProtocol> behind) {
  return std::make_shared<CheckedSubprocessProtocol>(std::move(record), std::move(behind));
}

}  // namespace tidegate::checking
