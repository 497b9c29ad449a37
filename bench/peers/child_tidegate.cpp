// Tidegate: children by subprocess_exec, with its callback protocol, on the public headers alone.
//
//     --backend NAME            the kernel interface to stand on, or to fail without; instead of the default
//     --exit-watch pidfd|thread how the end of a child is noticed; instead of the default
#include <tidegate/tidegate.hpp>

#include "child_program.h"
#include "tidegate_backend.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using tidegate::Stdio;

/// Counts what the child writes. `ended` is done when it has been waited for and its pipes have ended.
class Child final : public tidegate::SubprocessProtocol {
 public:
  explicit Child(tidegate::Future<> ended) : ended_(std::move(ended)) {}

  void connection_made(tidegate::SubprocessTransportRef transport) override {
    transport_ = std::move(transport);
  }
  void pipe_data_received(int, tidegate::BytesView data) override { output_bytes_ += data.size(); }
  void process_exited() override { require_success(transport_->get_returncode().value_or(-1)); }
  void connection_lost(const tidegate::Error&) override {
    transport_.reset();
    ended_.set_result();
  }

  [[nodiscard]] std::uint64_t output_bytes() const noexcept { return output_bytes_; }

 private:
  tidegate::Future<> ended_;
  tidegate::SubprocessTransportRef transport_;
  std::uint64_t output_bytes_ = 0;
};

/// Returns how much it has written.
tidegate::Task<std::uint64_t> run_child(const char* program, const std::vector<std::string>& arguments,
                                        const tidegate::SubprocessOptions& options) {
  tidegate::Loop& loop = tidegate::get_running_loop();
  const auto ended = loop.create_future<void>();
  const auto make_protocol = [ended] { return std::make_shared<Child>(ended); };
  const auto child = co_await loop.subprocess_exec(make_protocol, program, arguments, options);
  co_await ended;
  co_return child.protocol->output_bytes();
}

tidegate::Task<> run_children(const child_request& request, std::size_t& left) {
  const std::vector<std::string> arguments;
  const tidegate::SubprocessOptions options{.standard_input = Stdio::devnull(),
                                            .standard_output = Stdio::devnull(),
                                            .standard_error = Stdio::devnull()};
  while (left > 0) {
    --left;
    co_await run_child(request.child, arguments, options);
  }
}

tidegate::Task<> spawn_all(const child_request& request) {
  std::size_t left = request.count;
  std::vector<tidegate::Task<>> lanes;
  for (std::size_t i = 0; i < request.at_a_time; ++i) lanes.push_back(run_children(request, left));
  co_await tidegate::gather(std::move(lanes));
}

tidegate::Task<> read_output(const child_request& request) {
  const std::vector<std::string> arguments{request.output_text};
  const tidegate::SubprocessOptions options{.standard_input = Stdio::devnull(),
                                            .standard_output = Stdio::pipe(),
                                            .standard_error = Stdio::inherit()};
  require_output(&request, co_await run_child(request.child, arguments, options));
}

tidegate::Task<> measure(const child_request& request, tidegate::BackendKind backend) {
  require_backend(tidegate::get_running_loop(), backend);
  begin_child_work();
  if (request.work == CHILD_SPAWN) {
    co_await spawn_all(request);
  } else {
    co_await read_output(request);
  }
  end_child_work(&request);
}

// --- its own options ---------------------------------------------------------------------------------------

tidegate::LoopOptions loop_options;

bool read_exit_watch(std::string_view name) {
  if (name != "pidfd" && name != "thread") return false;
  return ::setenv("TIDEGATE_PIDFD", name == "pidfd" ? "1" : "0", 1) == 0;
}

bool read_own_option(const char* name, const char* value) {
  if (std::string_view(name) == "--backend") return read_backend(value, loop_options);
  if (std::string_view(name) == "--exit-watch") return read_exit_watch(value);
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  const child_request request = read_child_request(
      argc, argv, read_own_option, " [--backend auto|epoll|io_uring] [--exit-watch pidfd|thread]");
  try {
    tidegate::run(measure(request, loop_options.backend), loop_options);
  } catch (const std::exception& error) {
    std::cerr << argv[0] << ": " << error.what() << '\n';
    return 1;
  }
}
