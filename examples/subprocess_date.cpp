// asyncio's "loop.subprocess_exec() and SubprocessProtocol" in C++: gets the present date from another
// process. asyncio's own example has Python print it; here `date` does.
#include <tidegate/tidegate.hpp>

#include <iostream>
#include <memory>
#include <string>
#include <vector>

class DateProtocol final : public tidegate::SubprocessProtocol {
 public:
  explicit DateProtocol(tidegate::Future<> exit_future) : exit_future_(std::move(exit_future)) {}

  void pipe_data_received(int, tidegate::BytesView data) override { output_ += data.text(); }

  void pipe_connection_lost(int, const tidegate::Error&) override {
    pipe_closed_ = true;
    check_for_exit();
  }

  void process_exited() override {
    process_exited_ = true;
    // process_exited() can be called before pipe_connection_lost(): wait until both have been called.
    check_for_exit();
  }

  const std::string& output() const { return output_; }

 private:
  void check_for_exit() {
    if (pipe_closed_ && process_exited_) exit_future_.set_result();
  }

  tidegate::Future<> exit_future_;
  std::string output_;
  bool pipe_closed_ = false;
  bool process_exited_ = false;
};

tidegate::Task<std::string> get_date() {
  tidegate::Loop& loop = tidegate::get_running_loop();
  auto exit_future = loop.create_future();

  // Create the subprocess controlled by DateProtocol; redirect the standard output into a pipe.
  auto make_protocol = [exit_future] { return std::make_unique<DateProtocol>(exit_future); };
  const std::vector<std::string> arguments{"+%Y-%m-%d %H:%M:%S"};
  const tidegate::SubprocessOptions options{.standard_input = tidegate::Stdio::inherit(),
                                            .standard_error = tidegate::Stdio::inherit()};
  auto starting = loop.subprocess_exec(make_protocol, "date", arguments, options);
  auto [transport, protocol] = co_await std::move(starting);

  // Wait for the subprocess exit using the process_exited() method of the protocol.
  co_await exit_future;

  // Close the stdout pipe.
  transport->close();

  // Read the output which was collected by the pipe_data_received() method of the protocol.
  std::string date = protocol->output();
  date.erase(date.find_last_not_of('\n') + 1);
  co_return date;
}

int main() { std::cout << "Current date: " << tidegate::run(get_date()) << std::endl; }
