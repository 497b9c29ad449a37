// Flows with other programs: see flows.hpp.
#include "faults/flows.hpp"

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tidegate::faults {

namespace {

/// Counts what the child writes.
class ChildWatcher final : public SubprocessProtocol {
 public:
  explicit ChildWatcher(Stage& stage) noexcept : stage_(stage) {}

  void pipe_data_received(int, BytesView data) override { received += data.size(); }
  void pipe_connection_lost(int, const Error& reason) override { stage_.lost(reason); }
  void connection_lost(const Error& reason) override {
    is_lost = true;
    stage_.lost(reason);
  }

  std::size_t received = 0;
  bool is_lost = false;

 private:
  Stage& stage_;  // Lifetime: outlives it
};

}  // namespace

/// A child that sends back what it is sent.
Task<void> play_subprocess(Stage& stage) {
  constexpr std::string_view kInput = "through a child\n";
  stage.begin();
  const std::vector<std::string> none;
  auto starting = stage.loop().subprocess_exec([&stage] { return std::make_shared<ChildWatcher>(stage); },
                                               "/bin/cat", none);
  auto child = co_await std::move(starting);
  if (const TransportRef input = child.transport->get_pipe_transport(0); input != nullptr) {
    input->write(kInput);
    input->close();
  }
  while (!child.protocol->is_lost) {
    auto change = stage.change();
    co_await change;
  }
  if (child.protocol->received != kInput.size()) throw CutShort("not all came back from the child");
}

/// The same where the kernel has no descriptors of processes, so that a thread waits for the child.
Task<void> play_subprocess_and_thread(Stage& stage) {
  struct WithoutDescriptors {
    WithoutDescriptors() noexcept { ::setenv("TIDEGATE_PIDFD", "0", 1); }
    ~WithoutDescriptors() { ::unsetenv("TIDEGATE_PIDFD"); }
  };
  const WithoutDescriptors without;
  auto playing = play_subprocess(stage);
  co_await std::move(playing);
}

/// The same by streams.
Task<void> play_process_streams(Stage& stage) {
  constexpr const char* kInput = "through a child\n";
  stage.begin();
  const std::vector<std::string> none;
  SubprocessOptions options;
  options.standard_input = Stdio::pipe();
  options.standard_output = Stdio::pipe();
  auto starting = create_subprocess_exec("/bin/cat", none, options);
  const Process child = co_await std::move(starting);
  auto talking = child.communicate(kInput);
  const ProcessOutput output = co_await std::move(talking);
  if (output.standard_output != kInput) throw CutShort("not all came back from the child");
}

}  // namespace tidegate::faults
