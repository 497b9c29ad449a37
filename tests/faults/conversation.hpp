// Two protocols that talk to each other: one asks, the other sends back what it gets. Knows no faults.
#pragma once

#include <tidegate/tidegate.hpp>

#include "faults/stage.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <utility>

namespace tidegate::faults {

inline constexpr std::size_t kSmallBytes = 5;
/// More than any mark and any socket's buffer.
inline constexpr std::size_t kMuchBytes = 600'000;

/// What has become of one end, for those who may outlive it.
struct Fate {
  bool is_made = false;
  bool is_lost = false;

  [[nodiscard]] bool is_over() const noexcept { return is_lost || !is_made; }
};

/// One end of a conversation, whatever it does with what it gets.
template <typename Base>
class End : public Base {
 public:
  End(Stage& stage, std::shared_ptr<Fate> fate) noexcept : stage_(stage), fate_(std::move(fate)) {}

  void connection_made(TransportRef transport) override {
    fate_->is_made = true;
    transport_ = std::move(transport);
    stage_.changed();
  }
  void connection_lost(const Error& reason) override {
    fate_->is_lost = true;
    transport_.reset();
    stage_.lost(reason);
  }

  /// Null before it is made, and when it is lost.
  [[nodiscard]] const TransportRef& transport() const noexcept { return transport_; }

 protected:
  Stage& stage_;  // Lifetime: outlives it
  TransportRef transport_;

 private:
  std::shared_ptr<Fate> fate_;
};

/// Sends bytes, and looks whether they come back.
class Asker final : public End<Protocol> {
 public:
  using End::End;

  void data_received(BytesView data) override;

  /// Nothing, where the connection is lost.
  void ask(std::size_t bytes);
  /// The same, in several pieces.
  void ask_in_pieces(std::size_t bytes, std::size_t pieces);
  /// Whether all has come back that was asked, and as it was.
  [[nodiscard]] bool has_all() const noexcept { return received_ == asked_ && !is_wrong_; }

 private:
  std::size_t asked_ = 0;
  std::size_t received_ = 0;
  bool is_wrong_ = false;
};

/// Reads no more while its answers do not leave.
class Answerer final : public End<Protocol> {
 public:
  using End::End;

  void data_received(BytesView data) override { transport_->write(data); }
  void pause_writing() override { transport_->pause_reading(); }
  void resume_writing() override { transport_->resume_reading(); }
};

/// The same with memory of its own.
class BufferedAnswerer final : public End<BufferedProtocol> {
 public:
  using End::End;

  MutableBytesView get_buffer(std::ptrdiff_t) override { return {memory_.data(), memory_.size()}; }
  void buffer_updated(std::size_t size) override { transport_->write(BytesView(memory_.data(), size)); }
  void pause_writing() override { transport_->pause_reading(); }
  void resume_writing() override { transport_->resume_reading(); }

 private:
  std::array<std::byte, 4096> memory_{};
};

/// A server that ends with this; its connections do not.
class Listening {
 public:
  explicit Listening(Server server) noexcept : server_(std::move(server)) {}
  Listening(Listening&&) noexcept = default;
  Listening& operator=(Listening&&) = delete;
  ~Listening() {
    if (server_) server_.close();
  }

  [[nodiscard]] Server& server() noexcept { return server_; }
  [[nodiscard]] Port port() const { return server_.sockets().front().local_endpoint().port(); }

 private:
  Server server_;
};

/// Both ends.
struct Conversation {
  std::shared_ptr<Asker> asker;
  std::shared_ptr<const Fate> asker_fate;
  std::shared_ptr<const Fate> answerer_fate;

  [[nodiscard]] bool is_over() const noexcept { return asker_fate->is_lost && answerer_fate->is_over(); }
  /// Whether nothing more is to be expected of it.
  [[nodiscard]] bool is_broken() const noexcept { return asker_fate->is_lost || answerer_fate->is_lost; }
};

/// Makes ends with a fate; a factory for the loop. Trivial, so that it can be a temporary inside of co_await.
template <typename EndType>
class MakesEnd {
 public:
  MakesEnd(Stage& stage, const std::shared_ptr<Fate>& fate) noexcept : stage_(&stage), fate_(&fate) {}

  std::shared_ptr<EndType> operator()() const { return std::make_shared<EndType>(*stage_, *fate_); }

 private:
  Stage* stage_;  // Lifetime: both outlive it
  const std::shared_ptr<Fate>* fate_;
};

/// Over the two ends of a socket pair, `AnswererType` at the other one.
template <typename AnswererType>
[[nodiscard]] Task<Conversation> converse_over_pair(Stage& stage) {
  auto asker_fate = std::make_shared<Fate>();
  auto answerer_fate = std::make_shared<Fate>();
  auto [near, far] = stage.socket_pair();
  auto accepting =
      stage.loop().connect_accepted_socket(MakesEnd<AnswererType>(stage, answerer_fate), std::move(far));
  static_cast<void>(co_await std::move(accepting));
  auto connecting = stage.loop().create_connection(MakesEnd<Asker>(stage, asker_fate), std::move(near));
  auto connection = co_await std::move(connecting);
  Conversation conversation;
  conversation.asker = std::move(connection.protocol);
  conversation.asker_fate = asker_fate;
  conversation.answerer_fate = answerer_fate;
  co_return conversation;
}

/// Over a connection to a server of its own, which accepts that one and no other.
[[nodiscard]] Task<Conversation> converse_over_tcp(Stage& stage);

/// Small questions and large ones, then the end, from the asker's side. Throws CutShort where not all came
/// back.
[[nodiscard]] Task<void> talk(Stage& stage, Conversation conversation);

}  // namespace tidegate::faults
