// The steps of connecting: see handshake.hpp.
#include "kernel/sim/handshake.hpp"

#include "kernel/sim/environment.hpp"
#include "kernel/sim/stream_socket.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

namespace tidegate::kernel::sim {

Handshake::Handshake(Environment& environment, HandshakeOwner& owner, std::shared_ptr<Connection> connection)
    : environment_(environment),
      owner_(owner),
      connection_(std::move(connection)),
      begun_(environment.now()),
      patience_(std::chrono::seconds(1)),
      happening_(environment.events, this, &call_method<&Handshake::happen, Handshake>) {
  is_refused_ = environment.chance.happens(environment.conditions.connect_refusal);
  if (environment.chance.happens(environment.conditions.connect_loss)) {
    next(Step::time_is_up, begun_ + environment.conditions.connect_timeout);
  } else {
    send_request();
  }
}

Handshake::~Handshake() {
  if (const auto queue = queue_.lock()) queue->give_back_place();
}

const InternetName& Handshake::from() const noexcept {
  return connection_->address(Side::connecting).internet;
}

const InternetName& Handshake::to() const noexcept { return connection_->address(Side::accepted).internet; }

bool Handshake::is_cut_off() const noexcept {
  return environment_.addresses.is_cut(from().octets, to().octets);
}

void Handshake::next(Step step, TimePoint when) noexcept {
  step_ = step;
  happening_.set(when);
}

void Handshake::happen() noexcept {
  switch (step_) {
    case Step::request_arrives:
      return request_arrives();
    case Step::request_is_repeated:
      return send_request();
    case Step::answer_arrives:
      return answer_arrives();
    case Step::refusal_arrives:
      return fail(ECONNREFUSED);
    case Step::time_is_up:
      return fail(ETIMEDOUT);
  }
}

void Handshake::send_request() noexcept {
  sent_ = environment_.now();
  next(Step::request_arrives, sent_ + environment_.latency());
}

void Handshake::request_arrives() noexcept {
  if (is_cut_off()) return request_is_lost();
  const Binding* listener = environment_.addresses.find_listener(to(), from());
  if (listener == nullptr || is_refused_)
    return next(Step::refusal_arrives, environment_.now() + environment_.latency());
  const std::shared_ptr<AcceptQueue>& queue = listener->owner<StreamSocket>().accept_queue();
  // What finds no room is not answered, as if it had been lost.
  if (queue->options().plays_dead() || !queue->keep_place()) return request_is_lost();
  queue_ = queue;
  next(Step::answer_arrives, environment_.now() + environment_.latency());
}

/// After 1, 2, 4 ... seconds another one is sent.
void Handshake::request_is_lost() noexcept {
  environment_.note("asks in vain to connect", connection_->name(Side::connecting), to().port);
  const TimePoint end = begun_ + environment_.conditions.connect_timeout;
  const TimePoint again = sent_ + patience_;
  patience_ *= 2;
  next(again < end ? Step::request_is_repeated : Step::time_is_up, std::min(again, end));
}

void Handshake::answer_arrives() noexcept {
  const std::shared_ptr<AcceptQueue> queue = queue_.lock();
  if (queue == nullptr) return fail(ECONNREFUSED);  // it listens no longer
  queue_.reset();
  if (is_cut_off()) {
    queue->give_back_place();
    return request_is_lost();
  }
  connection_->establish(queue->options());
  queue->push(connection_);
  owner_.handshake_done();
}

void Handshake::fail(int error) noexcept {
  environment_.note("fails to connect", connection_->name(Side::connecting), error);
  owner_.handshake_failed(error);
}

}  // namespace tidegate::kernel::sim
