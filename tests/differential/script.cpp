// Scripts as text: see script.hpp.
#include "differential/script.hpp"

#include <fmt/format.h>

namespace tidegate::differential {

const char* name_of(Verb verb) noexcept {
  switch (verb) {
    case Verb::write_view:
      return "write_view";
    case Verb::write_chunk:
      return "write_chunk";
    case Verb::writelines_views:
      return "writelines_views";
    case Verb::writelines_chunks:
      return "writelines_chunks";
    case Verb::produce:
      return "produce";
    case Verb::write_eof:
      return "write_eof";
    case Verb::write_after_eof:
      return "write_after_eof";
    case Verb::close:
      return "close";
    case Verb::close_later:
      return "close_later";
    case Verb::abort:
      return "abort";
    case Verb::abort_later:
      return "abort_later";
    case Verb::reset:
      return "reset";
    case Verb::fail:
      return "fail";
    case Verb::pause_reading:
      return "pause_reading";
    case Verb::pause_until_full:
      return "pause_until_full";
    case Verb::pause_for_a_moment:
      return "pause_for_a_moment";
    case Verb::pause_and_resume:
      return "pause_and_resume";
    case Verb::become_plain:
      return "become_plain";
    case Verb::become_buffered:
      return "become_buffered";
    case Verb::set_limits:
      return "set_limits";
    case Verb::set_bad_limits:
      return "set_bad_limits";
  }
  return "?";
}

const char* name_of(Answer answer) noexcept {
  switch (answer) {
    case Answer::whole:
      return "whole";
    case Answer::halves:
      return "halves";
    case Answer::twice:
      return "twice";
    case Answer::lines:
      return "lines";
    case Answer::copied:
      return "copied";
  }
  return "?";
}

namespace {

std::string text_of(const Action& action) {
  const std::string name = name_of(action.verb);
  switch (action.verb) {
    case Verb::write_view:
    case Verb::write_chunk:
    case Verb::produce:
      return fmt::format("{}({})", name, action.size_bytes);
    case Verb::writelines_views:
    case Verb::writelines_chunks:
      return fmt::format("{}({} in {} pieces)", name, action.size_bytes, action.pieces);
    case Verb::close_later:
    case Verb::abort_later:
    case Verb::pause_reading:
    case Verb::pause_until_full:
      return fmt::format("{}({} turns)", name, action.turns);
    case Verb::pause_for_a_moment:
      return fmt::format("{}({} ms)", name, action.turns);
    case Verb::set_limits:
    case Verb::set_bad_limits:
      return fmt::format("{}(low {}, high {})", name, action.low, action.high);
    default:
      return name;
  }
}

std::string text_of(const Step& step) {
  std::string text = "  ";
  switch (step.moment) {
    case Moment::made:
      text += "connected";
      break;
    case Moment::received:
      text += fmt::format("received {}", step.bytes);
      break;
    case Moment::end_of_file:
      text += "end of file";
      break;
  }
  text += step.place == Place::soon ? ", soon:" : ":";
  for (const Action& action : step.actions) text += " " + text_of(action);
  return text + "\n";
}

std::string text_of(const char* name, const EndScript& end) {
  std::string text =
      fmt::format("{}: {}, writes {} bytes", name, end.raw ? "a raw socket" : "a transport", end.total_bytes);
  if (end.raw) text += fmt::format(", reads {} at a time", end.read_size_bytes);
  if (!end.raw) text += fmt::format(", buffers of {}", end.buffer_size_bytes);
  if (end.send_buffer_bytes > 0) text += fmt::format(", SO_SNDBUF {}", end.send_buffer_bytes);
  if (end.keep_open_after_eof) text += ", keeps open after the end of file";
  if (end.pauses_reading_with_writing) text += ", reads only while it may write";
  if (end.writes_when_lost > 0) text += fmt::format(", writes {} times when lost", end.writes_when_lost);
  text += "\n";
  for (const Step& step : end.steps) text += text_of(step);
  for (const Echo& echo : end.echoes) {
    text += fmt::format("  answers [{}, {}): {}\n", echo.from, echo.to, name_of(echo.answer));
  }
  return text;
}

}  // namespace

std::string to_text(const Script& script) {
  const contract::Ground& ground = script.ground;
  return fmt::format("seed {}: {}, here {} with a {} protocol; {}\n{}{}", script.seed,
                     to_string(ground.carrier),
                     ground.side == contract::Side::connecting ? "connects" : "is called",
                     ground.receiver == contract::Receiver::plain ? "plain" : "buffered", script.ending,
                     text_of("here", script.here), text_of("there", script.there));
}

}  // namespace tidegate::differential
