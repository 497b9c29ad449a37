// See pipe_side.hpp.
#include "relay/pipe_side.hpp"

#include "relay/standard_streams.hpp"

#include <utility>

namespace tidegate::cli::relay {

/// Where bytes come from.
class PipeSide::Input final : public Protocol {
 public:
  explicit Input(std::shared_ptr<PipeSide> side) noexcept : side_(std::move(side)) {}

  void connection_made(TransportRef transport) override {
    transport->pause_reading();
    side_->input_ = std::move(transport);
    side_->input_is_open_ = true;
  }
  void data_received(BytesView data) override { side_->pair_end_.bytes_came(data); }
  void connection_lost(const Error& reason) override { std::exchange(side_, nullptr)->input_lost(reason); }

 private:
  std::shared_ptr<PipeSide> side_;
};

/// Where bytes go.
class PipeSide::Output final : public Protocol {
 public:
  explicit Output(std::shared_ptr<PipeSide> side) noexcept : side_(std::move(side)) {}

  void connection_made(TransportRef transport) override {
    if (side_->buffer_bytes_) transport->set_write_buffer_limits({.high = *side_->buffer_bytes_});
    side_->output_ = std::move(transport);
    side_->output_is_open_ = true;
  }
  void pause_writing() override { side_->pair_end_.full(); }
  void resume_writing() override { side_->pair_end_.has_room(); }
  void connection_lost(const Error& reason) override { std::exchange(side_, nullptr)->output_lost(reason); }

 private:
  std::shared_ptr<PipeSide> side_;
};

PipeSide::PipeSide(Loop& loop, PairEnd pair_end, std::optional<std::size_t> buffer_bytes, bool is_standard)
    : loop_(loop), pair_end_(std::move(pair_end)), buffer_bytes_(buffer_bytes), is_standard_(is_standard) {}

std::shared_ptr<Protocol> PipeSide::make_input(FileMoved behind) {
  behind_input_ = std::move(behind);
  return std::make_shared<Input>(shared_from_this());
}

std::shared_ptr<Protocol> PipeSide::make_output(FileMoved behind) {
  behind_output_ = std::move(behind);
  return std::make_shared<Output>(shared_from_this());
}

// --- what happens to it ------------------------------------------------------------------------------------

/// A file that could not be read looks like one that has ended: who read it knows.
void PipeSide::input_lost(const Error& reason) {
  if (!behind_input_) return input_over(reason);
  behind_input_->add_done_callback([side = shared_from_this()](const auto& moved) {
    const std::error_code code = moved.result();
    side->input_over(code ? Error(code, "read standard input") : Error());
  });
}

void PipeSide::input_over(const Error& reason) {
  input_is_open_ = false;
  if (reason) {
    give_up(reason);
  } else if (!is_closing_) {
    pair_end_.ended();
  }
  go_if_over();
}

/// All is written when the file has it, not when the pipe has taken it.
void PipeSide::output_lost(const Error& reason) {
  // At once: the input may take a while to end, and until then nobody else would know.
  if (!has_all_output_) pair_end_.takes_no_more();
  if (!behind_output_) return output_over(reason);
  behind_output_->add_done_callback([side = shared_from_this()](const auto& moved) {
    const std::error_code code = moved.result();
    side->output_over(code ? Error(code, "write standard output") : Error());
  });
}

void PipeSide::output_over(const Error& reason) {
  output_is_open_ = false;
  // As any tool in front of `head`: who reads what we write has had enough, and that is no error.
  const bool is_quiet = is_standard_ && reason.code() == std::errc::broken_pipe;
  if (is_standard_) let_go_of_standard_output();
  if (!has_all_output_ || reason) give_up(is_quiet ? Error() : reason);
  go_if_over();
}

void PipeSide::give_up(const Error& reason) {
  if (reason && !failure_) failure_ = reason;
  close();
}

void PipeSide::go_if_over() {
  if (!is_closing_ || input_is_open_ || output_is_open_ || std::exchange(is_gone_, true)) return;
  pair_end_.gone(failure_);
}

// --- what is asked of it -----------------------------------------------------------------------------------

void PipeSide::end_writing() {
  has_all_output_ = true;
  output_->close();
}

void PipeSide::close() {
  if (std::exchange(is_closing_, true)) return;
  if (input_) input_->close();
  if (output_) end_writing();
  // Where both have ended already nobody else brings the news.
  loop_.call_soon([side = shared_from_this()] { side->go_if_over(); });
}

void PipeSide::abort() {
  close();
  if (input_) input_->abort();
  if (output_) output_->abort();
}

Level PipeSide::level() const noexcept {
  return {output_->get_write_buffer_size(), output_->get_write_buffer_limits().high};
}

}  // namespace tidegate::cli::relay
