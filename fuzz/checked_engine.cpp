#include "checked_engine.hpp"

#include "require.hpp"

#include <cstdio>
#include <new>
#include <utility>

namespace tidegate::fuzz {

CheckedEngine::CheckedEngine(const TlsContext& context, const std::string& server_hostname)
    : engine_(context.core()->make_engine({.server_hostname = server_hostname}, *this)) {}

void CheckedEngine::put(BytesView ciphertext) {
  if (sink_throws) {
    ++times_thrown_;
    throw std::bad_alloc();
  }
  require(!ciphertext.empty(), "what is put into the sink is something");
  ++times_said_;
  said.append(ciphertext.text());
}

// --- the calls ---------------------------------------------------------------------------------------------

void CheckedEngine::take(BytesView ciphertext) {
  const std::size_t left = engine_->input_left();
  require(left <= lent_->size(), "no more is left than was lent");
  const BytesView rest = engine_->take_rest();
  require(rest.size() == left, "take_rest is all that was left");
  require(rest.empty() || rest.end() == BytesView(*lent_).end(), "what is left is the end of what was lent");
  require(engine_->input_left() == 0, "nothing is left after take_rest");

  auto next = std::make_unique<std::vector<std::byte>>();
  next->reserve(rest.size() + ciphertext.size());
  next->insert(next->end(), rest.begin(), rest.end());
  next->insert(next->end(), ciphertext.begin(), ciphertext.end());
  lent_ = std::move(next);
  engine_->feed(BytesView(*lent_));
  require(engine_->input_left() == lent_->size(), "all that is lent is there");
}

CheckedEngine::Outcome CheckedEngine::handshake() {
  const Before before = before_call();
  const Outcome outcome = engine_->handshake();
  check_after(before, outcome);
  require(outcome != Outcome::closed, "a handshake does not come to an end of reading");
  require((outcome == Outcome::done) == (engine_->handshake_is_over() && !has_failed()),
          "a handshake is done where it is over");
  require(before.handshake_is_over || outcome != Outcome::wants_input || engine_->input_left() == 0,
          "a handshake that wants input has used up what was there");
  return outcome;
}

CheckedEngine::Outcome CheckedEngine::read(std::size_t room_bytes) {
  // On the heap and of exactly that size, for the sanitizer.
  std::vector<std::byte> memory(room_bytes);
  const bool has_something_to_say = engine_->holds_plaintext();
  const Before before = before_call();
  const auto [outcome, size] = engine_->read(memory);
  check_after(before, outcome);
  require(outcome == Outcome::done ? size > 0 && size <= room_bytes : size == 0,
          "a read is done with 1 byte or more, and with none otherwise");
  require(outcome != Outcome::wants_input || engine_->input_left() == 0,
          "a read that wants input has used up what was there");
  require(outcome != Outcome::wants_input || (!has_something_to_say && !engine_->holds_plaintext()),
          "a read that wants input holds nothing");
  require(outcome != Outcome::done || size == room_bytes || engine_->input_left() == 0 ||
              engine_->holds_plaintext(),
          "a read goes on until there is no room, no input, or an end");
  require(outcome != Outcome::closed || engine_->peer_has_closed(), "the peer ends reading");
  require(!before.peer_has_closed || before.failure != nullptr || outcome == Outcome::closed ||
              outcome == Outcome::failed,
          "nothing is read behind the end");
  heard.append(BytesView(memory).first(size).text());
  return outcome;
}

CheckedEngine::Outcome CheckedEngine::write(BytesView plaintext) {
  const Before before = before_call();
  const std::size_t waiting = engine_->unencrypted();
  written_bytes_ += plaintext.size();
  const Outcome outcome = engine_->write(plaintext);
  check_after(before, outcome);
  require(outcome == Outcome::done || outcome == Outcome::failed, "a write is done or has failed");
  require(engine_->input_left() == before.input_left, "a write reads nothing");
  if (outcome == Outcome::failed) return outcome;
  const bool waits = engine_->unencrypted() > waiting;
  require(!waits || engine_->unencrypted() == waiting + plaintext.size(), "all of a write waits, or nothing");
  require(plaintext.empty() || waits || times_said_ > before.times_said, "what does not wait was said");
  return outcome;
}

void CheckedEngine::close() {
  const Before before = before_call();
  const bool has_been_closed = has_closed_;
  if (engine_->handshake_is_over() && !has_failed()) has_closed_ = true;
  engine_->close();
  check_after(before);
  require(engine_->input_left() == before.input_left, "closing reads nothing");
  require(!has_been_closed || times_said_ == before.times_said, "an end is said once");
  require(before.handshake_is_over || times_said_ == before.times_said, "no end is said in a handshake");
}

void CheckedEngine::ask_everything() const {
  const bool is_over = engine_->handshake_is_over();
  require(engine_->version().empty() == !is_over, "there is a version after the handshake");
  require(engine_->cipher().has_value() == is_over, "there is a cipher after the handshake");
  require(is_over || !engine_->session(), "there is no session before the end of the handshake");
  require(engine_->context().core() != nullptr, "there is always a context");
  (void)engine_->selected_alpn_protocol();
  (void)engine_->server_hostname();
  (void)engine_->session_reused();
  (void)engine_->peer_certificate();
  (void)engine_->peer_chain();
  (void)engine_->channel_binding("tls-exporter");
  (void)engine_->channel_binding("tls-server-end-point");
}

// --- what holds for them -----------------------------------------------------------------------------------

CheckedEngine::Before CheckedEngine::before_call() const noexcept {
  return {.times_said = times_said_,
          .times_thrown = times_thrown_,
          .input_left = engine_->input_left(),
          .failure = engine_->failure(),
          .handshake_is_over = engine_->handshake_is_over(),
          .peer_has_closed = engine_->peer_has_closed()};
}

void CheckedEngine::check_after(const Before& before) const {
  require(engine_->input_left() <= before.input_left, "a call does not make input");
  require(engine_->handshake_is_over() || !before.handshake_is_over, "a handshake that is over stays so");
  require(engine_->peer_has_closed() || !before.peer_has_closed, "a peer that has closed stays so");
  require(engine_->unencrypted() <= written_bytes_ || has_failed(), "what waits was written");
  require(times_thrown_ == before.times_thrown || has_failed(), "a sink that throws fails the engine");
  if (before.failure != nullptr) {
    require(engine_->failure() == before.failure, "a failure stays the same");
    require(times_said_ == before.times_said, "nothing is said after a failure");
  } else if (has_failed()) {
    check_failure();
  }
}

void CheckedEngine::check_after(const Before& before, Outcome outcome) const {
  check_after(before);
  require(before.failure == nullptr || outcome == Outcome::failed, "everything fails after a failure");
  require(outcome != Outcome::failed || has_failed(), "what has failed says why");
}

void CheckedEngine::check_failure() const {
  try {
    std::rethrow_exception(engine_->failure());
  } catch (const TlsError& error) {
    if (error.code() == TlsErrc::internal) std::fprintf(stderr, "fuzz: %s\n", error.what());
    require(error.code() != TlsErrc::internal, "what a peer does is not our own error");
    require(error.what()[0] != '\0', "a failure has words");
  } catch (const std::bad_alloc&) {
    require(times_thrown_ > 0, "there is memory where the sink has some");
  } catch (...) {
    require(false, "a failure is a TlsError or a std::bad_alloc");
  }
}

}  // namespace tidegate::fuzz
