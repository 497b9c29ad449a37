// One message out and back over a connection of its own.
#pragma once

#include <tidegate/future.hpp>
#include <tidegate/protocol.hpp>

#include "bench/pattern_stream.hpp"
#include "bench/session.hpp"

#include <cstddef>
#include <memory>
#include <string>

namespace tidegate::cli::bench {

/// Sends one message when told to, compares what comes back, and closes when that was all.
class OneEcho final : public Protocol {
 public:
  OneEcho(std::shared_ptr<Session> session, std::size_t number);

  /// REQUIRES: connected.
  void send();

  /// Cuts the connection; `problem` says why. REQUIRES: connected, and not ended.
  void give_up(std::string problem);

  /// Done when the connection has ended.
  [[nodiscard]] Future<> ended() const noexcept { return ended_; }
  [[nodiscard]] bool has_ended() const noexcept { return ended_.done(); }
  /// Whether the message came back as it was.
  [[nodiscard]] bool succeeded() const noexcept { return has_ended() && problem_.empty(); }
  /// Why it did not, for people. REQUIRES: it has ended.
  [[nodiscard]] const std::string& problem() const noexcept { return problem_; }

  void connection_made(TransportRef transport) override;
  void data_received(BytesView data) override;
  void pause_writing() override { writer_.pause(); }
  void resume_writing() override { writer_.resume(); }
  void connection_lost(const Error& reason) override;

 private:
  [[nodiscard]] bool is_complete() const noexcept;

  std::shared_ptr<Session> session_;
  std::size_t number_;
  TransportRef transport_;
  PatternWriter writer_;
  PatternReader reader_;
  std::string problem_;
  Future<> ended_;
};

}  // namespace tidegate::cli::bench
