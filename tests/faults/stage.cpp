// Where a flow plays: see stage.hpp.
#include "faults/stage.hpp"

#include "contract/loop_rig.hpp"
#include "faults/conversation.hpp"
#include "faults/simulated_refusals.hpp"
#include "kernel/sim/world.hpp"

#include <chrono>

namespace tidegate::faults {

namespace {

/// Nothing here takes a tenth of this, under a sanitizer on a busy machine either.
constexpr Duration kDeadline = std::chrono::seconds(5);

/// A fresh server, a fresh connection, a few bytes there and back.
Task<void> greet(Stage& stage) {
  auto connecting = converse_over_tcp(stage);
  const Conversation conversation = co_await std::move(connecting);
  conversation.asker->ask(kSmallBytes);
  while (!conversation.asker->has_all() && !conversation.is_broken()) {
    auto change = stage.change();
    co_await change;
  }
  if (conversation.asker->transport() != nullptr) conversation.asker->transport()->close();
  while (!conversation.is_over()) {
    auto change = stage.change();
    co_await change;
  }
  if (!conversation.asker->has_all()) throw CutShort("a fresh connection was not answered");
}

}  // namespace

std::string Observed::text() const {
  std::string text = thrown == nullptr ? "nothing was thrown" : "thrown: " + describe(thrown);
  for (const Error& error : lost) text += "; lost: " + error.message();
  for (const Error& error : told) text += "; told: " + error.message();
  for (const std::string& line : report_texts) text += "; reported: " + line;
  for (const std::string& line : logged) text += "; logged: " + line;
  return text;
}

Stage::Stage(BackendKind backend, std::function<void()> fault) : fault_(std::move(fault)), network_(backend) {
  if (SimulatedNetwork* network = network_.current()) {
    // A kernel that takes little at a time and answers late, so that faults meet what is under way.
    NetworkConditions weather = network->conditions();
    weather.short_transfer = 0.3;
    weather.late_report = 0.5;
    network->set_conditions(weather);
    network->world().set_refusals(&refusals_of_the_strike());
  }
  set_log_handler([this](LogLevel, std::string_view line) {
    const Spared spared;
    observed_.logged.emplace_back(line);
  });
  LoopOptions options;
  options.backend = backend;
  loop_ = std::make_unique<Loop>(network_.applied_to(options));
  loop_->set_exception_handler([this](Loop&, const ExceptionContext& context) {
    const Spared spared;
    observed_.reported.push_back(context.exception);
    observed_.report_texts.push_back(
        context.message + (context.exception == nullptr ? "" : ": " + describe(context.exception)));
    changed();
  });
}

Stage::~Stage() {
  end();
  set_log_handler(nullptr);
}

void Stage::play(Flow flow) {
  try {
    loop_->run_until_complete(wait_for(flow(*this), kDeadline));
  } catch (...) {
    const Spared spared;
    observed_.thrown = std::current_exception();
  }
  disarm();
}

std::string Stage::signs_of_death() {
  const Observed before = std::exchange(observed_, {});
  play(greet);
  const Observed of_greeting = std::exchange(observed_, before);
  return of_greeting.thrown == nullptr ? "" : of_greeting.text();
}

Socket Stage::stream_socket() const {
  SimulatedNetwork* const network = network_.current();
  return network == nullptr ? Socket::stream(AddressFamily::ipv4) : network->stream(AddressFamily::ipv4);
}

std::pair<Socket, Socket> Stage::socket_pair() const {
  SimulatedNetwork* const network = network_.current();
  return network == nullptr ? Socket::pair() : network->socket_pair();
}

std::pair<OwnedFileDescriptor, OwnedFileDescriptor> Stage::pipe() const {
  SimulatedNetwork* const network = network_.current();
  return network == nullptr ? loop_rig::make_pipe() : network->pipe();
}

Future<void> Stage::change() {
  const Spared spared;
  if (!change_ || change_.done()) change_ = loop_->create_future<void>();
  return change_;
}

void Stage::changed() noexcept {
  if (change_ && !change_.done()) change_.set_result();
}

void Stage::lost(const Error& reason) {
  const Spared spared;
  if (reason) observed_.lost.push_back(reason);
  changed();
}

void Stage::told(const Error& error) {
  const Spared spared;
  observed_.told.push_back(error);
  changed();
}

}  // namespace tidegate::faults
