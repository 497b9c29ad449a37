// An end that is one pipe or two: standard input and output, or a FIFO.
#pragma once

#include <tidegate/future.hpp>
#include <tidegate/loop.hpp>
#include <tidegate/protocol.hpp>
#include <tidegate/transport.hpp>

#include "relay/pair.hpp"
#include "relay/side.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <system_error>

namespace tidegate::cli::relay {

/// What moves the bytes between a pipe and a file that the loop can't wait for; done when it has moved all,
/// with the error that stopped it. None where the pipe itself is what was meant.
using FileMoved = std::optional<Future<std::error_code>>;

/// Up to two pipes that come and go together: where the reader of its output leaves, it has gone.
class PipeSide final : public Side, public std::enable_shared_from_this<PipeSide> {
 public:
  /// `buffer_bytes`: the high mark of its write buffer, where it is not to be the library's. `is_standard`:
  /// its output is standard output, whose reader may leave at any time, and which is ended by letting go
  /// of 1.
  PipeSide(Loop& loop, PairEnd pair_end, std::optional<std::size_t> buffer_bytes, bool is_standard);

  /// The protocols of the two. REQUIRES: each is given to a transport once, before the side joins.
  [[nodiscard]] std::shared_ptr<Protocol> make_input(FileMoved behind = std::nullopt);
  [[nodiscard]] std::shared_ptr<Protocol> make_output(FileMoved behind = std::nullopt);

  [[nodiscard]] bool reads() const noexcept override { return static_cast<bool>(input_); }
  [[nodiscard]] bool writes() const noexcept override { return static_cast<bool>(output_); }
  void write(BytesView data) override {
    if (!output_->is_closing()) output_->write(data);
  }
  void end_writing() override;
  [[nodiscard]] bool ends_as_a_whole() const noexcept override { return false; }
  void pause_reading() override { input_->pause_reading(); }
  void resume_reading() override { input_->resume_reading(); }
  void close() override;
  /// Who reads a pipe can't be told more than that it has ended.
  void cut() override { close(); }
  void abort() override;
  [[nodiscard]] Level level() const noexcept override;

 private:
  class Input;
  class Output;

  void input_lost(const Error& reason);
  void input_over(const Error& reason);
  void output_lost(const Error& reason);
  void output_over(const Error& reason);
  void give_up(const Error& reason);
  void go_if_over();

  Loop& loop_;
  PairEnd pair_end_;
  std::optional<std::size_t> buffer_bytes_;
  TransportRef input_;
  TransportRef output_;
  FileMoved behind_input_;
  FileMoved behind_output_;
  Error failure_;
  bool is_standard_;
  bool input_is_open_ = false;
  bool output_is_open_ = false;
  bool has_all_output_ = false;
  bool is_closing_ = false;
  bool is_gone_ = false;
};

}  // namespace tidegate::cli::relay
