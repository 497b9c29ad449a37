// One end cuts the connection, idle or with its pipes full.
#include <tidegate/timeout.hpp>
#include <tidegate/tls.hpp>
#include <tidegate/transport.hpp>

#include "demo/scenarios.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>

#include <fmt/format.h>

namespace tidegate::cli::demo {

namespace {

constexpr std::size_t kGreetingBytes = 64;
const Pattern kPattern(3);

/// Reports that its peer is there, by greeting or by not taking any more.
class CutProtocol : public Protocol {
 public:
  /// `is_ready` is completed when the connection can be cut.
  CutProtocol(std::shared_ptr<Stage> stage, Future<> is_ready)
      : stage_(std::move(stage)), is_ready_(std::move(is_ready)) {}

  void connection_made(TransportRef transport) override { transport_ = std::move(transport); }

  void connection_lost(const Error& reason) override {
    ++losses_;
    reason_ = reason;
    if (!transport_->is_closing()) stage_->fail("is_closing() was false in connection_lost");
  }

  [[nodiscard]] Transport& transport() const noexcept { return *transport_; }
  /// How often connection_lost was called.
  [[nodiscard]] std::size_t losses() const noexcept { return losses_; }
  /// What it was told the last time.
  [[nodiscard]] const Error& reason() const noexcept { return reason_; }

 protected:
  void ready() const {
    if (!is_ready_.done()) is_ready_.set_result();
  }

  void check_bytes(BytesView data) {
    stage_->check_bytes("end", kPattern, read_bytes_, data);
    read_bytes_ += data.size();
  }

 private:
  std::shared_ptr<Stage> stage_;
  Future<> is_ready_;
  TransportRef transport_;
  std::size_t losses_ = 0;
  Error reason_;
  std::uint64_t read_bytes_ = 0;
};

/// Greets, and is ready when it has been greeted: nothing is under way then.
class IdleEnd final : public CutProtocol {
 public:
  using CutProtocol::CutProtocol;

  void connection_made(TransportRef made) override {
    made->write(kPattern.piece(0, kGreetingBytes));
    CutProtocol::connection_made(std::move(made));
  }

  void data_received(BytesView data) override {
    check_bytes(data);
    ready();
  }
};

/// Reads nothing and writes until it is paused: ready when it is stuck.
class StuckEnd final : public CutProtocol {
 public:
  using CutProtocol::CutProtocol;

  void connection_made(TransportRef made) override {
    CutProtocol::connection_made(std::move(made));
    transport().pause_reading();
    // More than any kernel holds, should nobody be paused.
    for (std::size_t pieces = 0; pieces < 1024 && !is_stuck_; ++pieces) {
      transport().write(kPattern.piece(0, Pattern::kLongestPieceBytes));
    }
  }

  void pause_writing() override {
    is_stuck_ = true;
    ready();
  }

 private:
  bool is_stuck_ = false;
};

/// What a program may do that has not noticed the end yet. None of it does anything.
void use_after_the_end(Transport& transport) {
  transport.write("too late");
  if (transport.can_write_eof()) transport.write_eof();
  transport.pause_reading();
  transport.resume_reading();
  transport.close();
  transport.abort();
}

void check_end(Stage& stage, const char* who, const CutProtocol& end) {
  if (end.losses() == 1) return;
  stage.fail(fmt::format("connection_lost was called {} times on the {}", end.losses(), who));
}

/// Over TLS a connection that was cut must not look like one that has ended, whatever the kernel made of it.
void check_is_told_apart(Stage& stage, const CutProtocol& end) {
  if (tls_object(end.transport()) && !end.reason()) stage.fail("the server took a cut for an end in order");
}

/// What the scenario and the factory of the server's ends both know.
struct Ends {
  bool are_idle = true;
  /// Done when the server's end is ready.
  Future<> is_server_ready;
  std::shared_ptr<CutProtocol> server;
};

std::shared_ptr<CutProtocol> make_end(const Ends& ends, std::shared_ptr<Stage> stage, Future<> is_ready) {
  if (ends.are_idle) return std::make_shared<IdleEnd>(std::move(stage), std::move(is_ready));
  return std::make_shared<StuckEnd>(std::move(stage), std::move(is_ready));
}

/// Connects two ends, and lets the client cut the connection.
Task<> cut(std::shared_ptr<Stage> stage, std::shared_ptr<Ends> ends) {
  ends->is_server_ready = get_running_loop().create_future<void>();
  const auto is_client_ready = get_running_loop().create_future<void>();
  const auto client = make_end(*ends, stage, is_client_ready);
  co_await stage->connect(client);
  co_await wait_for(is_client_ready, kPatience);
  co_await wait_for(ends->is_server_ready, kPatience);
  client->transport().abort();
  if (client->losses() != 0) stage->fail("connection_lost was called inside abort");
  co_await stage->all_ended();
  check_end(*stage, "client", *client);
  check_end(*stage, "server", *ends->server);
  check_is_told_apart(*stage, *ends->server);
  use_after_the_end(client->transport());
  use_after_the_end(ends->server->transport());
}

}  // namespace

Task<> cut_connections(std::shared_ptr<Stage> stage) {
  stage->expect_resets();
  const auto ends = std::make_shared<Ends>();
  Stage::ServerFactory servers(
      [stage, ends] { return ends->server = make_end(*ends, stage, ends->is_server_ready); });
  co_await stage->listen(std::move(servers));

  co_await cut(stage, ends);
  if (stage->has_failed()) co_return;
  ends->are_idle = false;
  co_await cut(stage, ends);
}

}  // namespace tidegate::cli::demo
