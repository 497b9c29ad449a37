// Playing a part: see actor.hpp.
#include "differential/actor.hpp"

#include "contract/traced_end.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace tidegate::differential {

namespace {

std::string name_of_reason(const Error& reason) {
  if (!reason) return "none";
  if (reason.code() == std::errc::connection_reset || reason.code() == std::errc::broken_pipe)
    return "broken";
  if (!reason.code() && reason.message() == "scripted") return "thrown";
  return reason.message();
}

/// Cuts bytes into so many parts of about the same size.
std::vector<BytesView> parts_of(BytesView bytes, std::size_t count) {
  std::vector<BytesView> parts;
  for (; count > 0; --count) {
    parts.push_back(bytes.first(bytes.size() / count));
    bytes = bytes.drop(parts.back().size());
  }
  return parts;
}

}  // namespace

/// The scene, for as long as a callback runs.
class Actor::Within {
 public:
  Within(Actor& actor, Scene scene) : actor_(actor), before_(std::exchange(actor.scene_, scene)) {}
  Within(const Within&) = delete;
  Within& operator=(const Within&) = delete;
  ~Within() { actor_.scene_ = before_; }

 private:
  Actor& actor_;
  Scene before_;
};

void Actor::enter(Loop& loop, Wire& wire, const Actor& other, std::function<void()> when_over) {
  loop_ = &loop;
  wire_ = &wire;
  other_ = &other;
  when_over_ = std::move(when_over);
}

// --- what the wire tells -----------------------------------------------------------------------------------

void Actor::connected() {
  const Within scene(*this, Scene::connected);
  connected_ = true;
  if (script_.send_buffer_bytes > 0) wire_->set_send_buffer(script_.send_buffer_bytes);
  run_due_steps();
}

/// Cut where a step waits, so that the same bytes are answered before it, however they have arrived.
void Actor::received(BytesView data) {
  const Within scene(*this, Scene::received);
  check_received(data);
  while (!data.empty() && !ended_by_itself_) {
    BytesView now = data;
    if (!busy_ && next_step_ < script_.steps.size()) {
      const Step& next = script_.steps[next_step_];
      if (next.moment == Moment::received && next.bytes > processed_)
        now = data.first(next.bytes - processed_);
    }
    answer(now);
    processed_ += now.size();
    data = data.drop(now.size());
    run_due_steps();
  }
}

/// At once, so that the place of a fault is that of the callback which brought it.
void Actor::check_received(BytesView data) {
  const std::size_t before = outcome_.received.size();
  outcome_.received.append(data.text());
  const std::string& written = other_->outcome().written;
  if (written.compare(std::min(before, written.size()), data.size(), data.text()) != 0 &&
      outcome_.faults.empty()) {
    outcome_.faults.push_back("wrong bytes, somewhere from " + std::to_string(before) + " to " +
                              std::to_string(outcome_.received.size()));
  }
}

bool Actor::end_of_file() {
  const Within scene(*this, Scene::end_of_file);
  tally_.count(script_.keep_open_after_eof ? "end of file, kept open" : "end of file, closed");
  if (std::exchange(outcome_.saw_eof, true)) outcome_.faults.push_back("a second end of file");
  run_due_steps();
  return script_.keep_open_after_eof;
}

void Actor::pause_writing() {
  tally_.count("pause_writing");
  writing_paused_ = true;
  if (script_.pauses_reading_with_writing) hold(by_writing);
}

void Actor::resume_writing() {
  tally_.count("resume_writing");
  writing_paused_ = false;
  if (script_.pauses_reading_with_writing) let_go(by_writing);
  if (to_produce_ > 0) produce();
}

void Actor::lost(const Error& reason) {
  outcome_.reason = name_of_reason(reason);
  if (!script_.raw) tally_.count("connection_lost(" + outcome_.reason + ")");
  if (outcome_.received.size() < other_->outcome().written.size()) tally_.count("lost with bytes missing");
  for (unsigned writes = script_.writes_when_lost; writes > 0; --writes) {
    tally_.count("write in connection_lost");
    attempt("write when lost", [&] { wire_->write(BytesView("nobody reads this")); });
  }
  over_ = true;
  when_over_();
}

// --- steps -------------------------------------------------------------------------------------------------

bool Actor::is_due(const Step& step) const noexcept {
  switch (step.moment) {
    case Moment::made:
      return connected_;
    case Moment::received:
      return connected_ && processed_ >= step.bytes;
    case Moment::end_of_file:
      return outcome_.saw_eof;
  }
  return false;
}

void Actor::run_due_steps() {
  while (!busy_ && !over_ && next_step_ < script_.steps.size()) {
    const Step& step = script_.steps[next_step_];
    const bool never = outcome_.saw_eof && step.moment == Moment::received && processed_ < step.bytes;
    if (!never && !is_due(step)) return;
    ++next_step_;
    if (never) continue;
    if (step.place == Place::soon) {
      busy_ = true;
      soon([this, &step] {
        busy_ = false;
        perform(step);
        run_due_steps();
      });
    } else {
      perform(step);
    }
  }
}

void Actor::perform(const Step& step) {
  for (const Action& action : step.actions) {
    count(action);
    perform(action);
  }
}

void Actor::count(const Action& action) {
  static constexpr std::array kScenes{"", "connection_made", "data_received", "eof_received", "its own"};
  const std::string what = std::string(name_of(action.verb)) + (script_.raw ? ", raw" : "");
  tally_.count(script_.raw ? what : what + " in " + kScenes[static_cast<std::size_t>(scene_)]);
}

/// Not once it is over: whoever waits for that may not be called any more.
void Actor::soon(std::function<void()> work) {
  loop_->call_soon([this, work = std::move(work)] {
    const Within scene(*this, Scene::own);
    if (!over_) work();
  });
}

void Actor::after(unsigned turns, std::function<void()> work) {
  soon([this, turns, work = std::move(work)]() mutable {
    if (turns == 0) {
      work();
    } else {
      after(turns - 1, std::move(work));
    }
  });
}

void Actor::perform(const Action& action) {
  switch (action.verb) {
    case Verb::write_view:
    case Verb::write_chunk:
    case Verb::writelines_views:
    case Verb::writelines_chunks:
    case Verb::write_after_eof:
      return write(action);
    case Verb::produce:
      to_produce_ = action.size_bytes;
      production_piece_ = std::max<std::size_t>(1, action.size_bytes / action.pieces);
      busy_ = true;
      return produce();
    case Verb::write_eof:
      return wire_->write_eof();
    case Verb::close:
    case Verb::close_later:
    case Verb::abort:
    case Verb::abort_later:
    case Verb::reset:
    case Verb::fail:
      return end(action);
    case Verb::pause_reading:
    case Verb::pause_until_full:
    case Verb::pause_for_a_moment:
    case Verb::pause_and_resume:
      return pause(action);
    case Verb::become_plain:
      return wire_->switch_protocol(contract::Receiver::plain);
    case Verb::become_buffered:
      return wire_->switch_protocol(contract::Receiver::buffered);
    case Verb::set_limits:
    case Verb::set_bad_limits:
      return attempt("set_write_buffer_limits",
                     [&] { wire_->set_limits({.high = action.high, .low = action.low}); });
  }
}

// --- writing -----------------------------------------------------------------------------------------------

/// The next bytes of its part of the pattern, noted as written.
std::string Actor::next_bytes(std::size_t size_bytes) {
  std::string bytes = contract::pattern(size_bytes, first_byte_ + outcome_.written.size());
  outcome_.written += bytes;
  return bytes;
}

void Actor::attempt(const char* what, const std::function<void()>& call) {
  try {
    call();
  } catch (const std::exception& error) {
    tally_.count(std::string(what) + " threw");
    outcome_.thrown.push_back(std::string(what) + ": " + error.what());
  }
}

void Actor::write(const Action& action) {
  if (action.verb == Verb::write_after_eof)
    return attempt("write after write_eof", [&] { wire_->write(BytesView("too late")); });
  std::string bytes = next_bytes(action.size_bytes);
  const std::vector<BytesView> pieces = parts_of(bytes, action.pieces);
  if (action.verb == Verb::write_view) {
    wire_->write(BytesView(bytes));
  } else if (action.verb == Verb::writelines_views) {
    wire_->writelines(pieces);
  } else if (action.verb == Verb::write_chunk) {
    wire_->write(Chunk(std::string(bytes)));
  } else {
    std::vector<Chunk> chunks;
    for (const BytesView piece : pieces) chunks.emplace_back(piece.to_string());
    wire_->writelines(std::move(chunks));
  }
  std::fill(bytes.begin(), bytes.end(), '\xDD');  // the memory is ours again (W2)
  if (!script_.raw && wire_->buffered() > 0) tally_.count("bytes waiting after a write");
}

/// Goes on in resume_writing.
void Actor::produce() {
  while (to_produce_ > 0 && !writing_paused_ && !over_) {
    const std::size_t size_bytes = std::min(to_produce_, production_piece_);
    to_produce_ -= size_bytes;
    wire_->write(BytesView(next_bytes(size_bytes)));
  }
  if (to_produce_ > 0) return tally_.count("production paused");
  // Whoever called this is not yet done: in a write of ours, or among the actions of a step.
  soon([this] {
    busy_ = false;
    run_due_steps();
  });
}

void Actor::answer(BytesView data) {
  for (const Echo& echo : script_.echoes) {
    const std::size_t from = std::max(echo.from, processed_);
    const std::size_t to = std::min(echo.to, processed_ + data.size());
    if (from < to) answer(data.drop(from - processed_).first(to - from), echo.answer);
  }
}

void Actor::answer(BytesView data, Answer how) {
  tally_.count(std::string("answer ") + name_of(how));
  outcome_.written.append(data.text());
  switch (how) {
    case Answer::whole:
      return wire_->write(data);
    case Answer::halves:
      wire_->write(data.first(data.size() / 2));
      return wire_->write(data.drop(data.size() / 2));
    case Answer::twice:
      outcome_.written.append(data.text());
      wire_->write(data);
      return wire_->write(data);
    case Answer::lines:
      return wire_->writelines(parts_of(data, 3));
    case Answer::copied:
      return wire_->write(Chunk(data.to_string()));
  }
}

// --- the end -----------------------------------------------------------------------------------------------

void Actor::end(const Action& action) {
  if (action.verb == Verb::close_later || action.verb == Verb::abort_later) {
    const Verb verb = action.verb == Verb::close_later ? Verb::close : Verb::abort;
    return after(action.turns, [this, verb] { end({verb}); });
  }
  ended_by_itself_ = true;
  switch (action.verb) {
    case Verb::close:
      return wire_->close();
    case Verb::abort:
      return wire_->abort();
    case Verb::reset:
      return wire_->reset();
    default:
      throw std::runtime_error("scripted");
  }
}

// --- reading -----------------------------------------------------------------------------------------------

void Actor::hold(Hold why) {
  const unsigned before = std::exchange(holds_, holds_ | why);
  if (before == 0) wire_->pause_reading();
}

void Actor::let_go(Hold why) {
  const unsigned before = std::exchange(holds_, holds_ & ~why);
  if (before != 0 && holds_ == 0) wire_->resume_reading();
}

void Actor::pause(const Action& action) {
  hold(by_script);
  switch (action.verb) {
    case Verb::pause_and_resume:
      wire_->pause_reading();  // which changes nothing
      return let_go(by_script);
    case Verb::pause_for_a_moment:
      loop_->call_later(std::chrono::milliseconds(action.turns), [this] {
        const Within scene(*this, Scene::own);
        if (!over_) let_go(by_script);
      });
      return;
    case Verb::pause_until_full:
      return resume_when_full(action.turns);
    default:
      return after(action.turns, [this] { let_go(by_script); });
  }
}

void Actor::resume_when_full(unsigned turns) {
  soon([this, turns] {
    if (other_->writing_paused()) tally_.count("read no more until the other end was paused");
    if (turns == 0 || other_->writing_paused() || other_->is_over()) return let_go(by_script);
    resume_when_full(turns - 1);
  });
}

}  // namespace tidegate::differential
