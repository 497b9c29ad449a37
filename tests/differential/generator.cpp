// Scripts out of seeds: see generator.hpp.
//
// A script is written as a conversation, and that is why none can get stuck. A step that waits for received
// bytes waits for no more than what the steps written before it make the other end send; by induction every
// step's event happens, as long as nobody stops reading for ever. Pauses therefore end by themselves.
//
// The endings differ in how much the contract determines. Whoever ends a connection after it has received all
// that the other end will ever write, leaves nothing to chance; whoever ends it earlier makes the kernel
// reset it at a moment that nobody can tell.
#include "differential/generator.hpp"

#include "differential/random.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace tidegate::differential {

namespace {

using contract::Carrier;
using contract::Receiver;
using contract::Side;

/// What one end writes at most, more or less.
constexpr std::size_t kLargestTotalBytes = 700'000;

class Conversation {
 public:
  explicit Conversation(std::uint64_t seed) : random_(seed) { script_.seed = seed; }

  Script write() {
    choose_ground();
    choose_ends();
    for (std::size_t turns = random_.between(1, 10); turns > 0; --turns) say_something();
    choose_ending();
    settle_content(here_, there_);
    settle_content(there_, here_);
    settle_content_of_answers(here_, there_);
    settle_content_of_answers(there_, here_);
    return std::move(script_);
  }

 private:
  /// One end while its part is being written.
  struct Speaker {
    EndScript& script;
    std::size_t waited_for = 0;  // bytes, of the last step
    std::size_t answered = 0;    // bytes that echoes have been chosen for
  };

  // --- the frame -----------------------------------------------------------------------------------

  void choose_ground() {
    script_.ground.carrier =
        random_.one_of(std::array{Carrier::tcp_ipv4, Carrier::tcp_ipv4, Carrier::tcp_ipv6, Carrier::unix_path,
                                  Carrier::unix_abstract, Carrier::socket_pair});
    script_.ground.side = random_.chance(50) ? Side::connecting : Side::accepted;
    script_.ground.receiver = random_.chance(50) ? Receiver::plain : Receiver::buffered;
  }

  void choose_ends() {
    script_.there.raw = random_.chance(40);
    for (EndScript* end : {&script_.here, &script_.there}) {
      end->buffer_size_bytes = random_.one_of(std::array<std::size_t, 5>{1, 100, 4096, 16384, 200'000});
      // Bytes one by one are for the receiver's corners, not for bulk: `random_size` knows.
      end->read_size_bytes = random_.one_of(std::array<std::size_t, 3>{700, 20'000, 300'000});
      choose_send_buffer(*end);
      if (!end->raw && random_.chance(20))
        end->writes_when_lost = static_cast<unsigned>(random_.between(1, 7));
    }
    // One of them at most: two that both wait for the other to read would wait for ever.
    EndScript& careful = random_.chance(50) ? script_.here : script_.there;
    careful.pauses_reading_with_writing = !careful.raw && random_.chance(40);
  }

  /// Small ones make the kernel refuse bytes. Seldom on TCP, where a full one waits for a delayed ACK.
  void choose_send_buffer(EndScript& end) {
    if (random_.chance(script_.ground.is_tcp() ? 12 : 60)) {
      end.send_buffer_bytes = script_.ground.is_tcp() ? 65'536 : 8'192;
    }
  }

  [[nodiscard]] Speaker& other(const Speaker& speaker) noexcept {
    return &speaker == &here_ ? there_ : here_;
  }
  [[nodiscard]] Speaker& either() noexcept { return random_.chance(50) ? here_ : there_; }

  // --- what is said ----------------------------------------------------------------------------------

  void say_something() {
    Speaker& speaker = either();
    if (random_.chance(25)) {
      answer(speaker);
    } else {
      step(speaker, random_.between(1, 4));
    }
  }

  void answer(Speaker& speaker) {
    const std::size_t told = other(speaker).script.total_bytes;
    if (told <= speaker.answered) return;
    Echo echo;
    echo.from = random_.chance(70) ? speaker.answered : random_.between(speaker.answered, told - 1);
    echo.to = random_.chance(70) ? told : random_.between(echo.from + 1, told);
    echo.answer = random_.one_of(std::array{Answer::whole, Answer::whole, Answer::halves, Answer::twice,
                                            Answer::lines, Answer::copied});
    speaker.answered = echo.to;
    speaker.script.total_bytes += (echo.to - echo.from) * (echo.answer == Answer::twice ? 2 : 1);
    speaker.script.echoes.push_back(echo);
  }

  /// A new last step of the speaker, with nothing to do yet.
  Step& next_step(Speaker& speaker) {
    const std::size_t told = other(speaker).script.total_bytes;
    Step step;
    if (!speaker.script.steps.empty() || random_.chance(40)) {
      step.moment = Moment::received;
      if (random_.chance(60)) {
        step.bytes = told;
      } else if (random_.chance(70)) {
        step.bytes = random_.between(speaker.waited_for, told);
      } else {
        step.bytes = speaker.waited_for;
      }
      speaker.waited_for = step.bytes;
    }
    step.place = random_.chance(30) ? Place::soon : Place::inside;
    speaker.script.steps.push_back(std::move(step));
    return speaker.script.steps.back();
  }

  void step(Speaker& speaker, std::size_t actions) {
    Step& step = next_step(speaker);
    for (; actions > 0; --actions) {
      step.actions.push_back(random_.chance(60) ? write(speaker) : something_else(speaker));
    }
    // Last, because what comes after it in the step would be written in the middle of it.
    if (!speaker.script.raw && random_.chance(12)) step.actions.push_back(production(speaker));
  }

  Action write(Speaker& speaker) {
    Action action{random_.one_of(std::array{Verb::write_view, Verb::write_view, Verb::write_chunk,
                                            Verb::writelines_views, Verb::writelines_chunks})};
    action.size_bytes = random_size(speaker);
    // Now and then more pieces than one system call takes.
    action.pieces = random_.chance(10) ? random_.between(60, 200) : random_.between(1, 6);
    speaker.script.total_bytes += action.size_bytes;
    return action;
  }

  Action production(Speaker& speaker) {
    Action action{Verb::produce};
    action.size_bytes = random_size(speaker);
    action.pieces = random_.between(1, 12);
    speaker.script.total_bytes += action.size_bytes;
    return action;
  }

  [[nodiscard]] std::size_t random_size(const Speaker& speaker) {
    // Whoever reads by the byte or nearly so would take too long for more.
    const EndScript& reader = other(speaker).script;
    const bool reads_slowly = reader.raw ? reader.read_size_bytes < 1000 : reader.buffer_size_bytes < 1000;
    if (reads_slowly || speaker.script.total_bytes > kLargestTotalBytes) return random_.between(1, 2000);
    const std::size_t kind = random_.below(100);
    if (kind < 35) return random_.between(1, 100);
    if (kind < 55) return random_.between(100, 5000);
    if (kind < 70) {  // around the sizes of pages, blocks and marks
      const auto edge = random_.one_of(std::array<std::size_t, 6>{4096, 8192, 16384, 32768, 65536, 131072});
      return edge - 2 + random_.below(5);
    }
    if (kind < 88) return random_.between(5000, 70'000);
    return random_.between(70'000, 300'000);
  }

  Action something_else(const Speaker& speaker) {
    if (speaker.script.raw || random_.chance(45)) return pause();
    switch (random_.below(8)) {
      case 0:
      case 1:
        return {Verb::become_plain};
      case 2:
      case 3:
        return {Verb::become_buffered};
      case 4:
        return {.verb = Verb::set_bad_limits, .low = 2000, .high = 1000};
      default:
        break;
    }
    Action action{Verb::set_limits};
    action.high = random_.one_of(std::array<std::size_t, 6>{0, 1, 1000, 20'000, 65'536, 250'000});
    action.low = random_.chance(30) ? action.high : random_.between(0, action.high);
    return action;
  }

  Action pause() {
    Action action{
        random_.one_of(std::array{Verb::pause_reading, Verb::pause_reading, Verb::pause_until_full,
                                  Verb::pause_until_full, Verb::pause_and_resume, Verb::pause_for_a_moment})};
    if (action.verb == Verb::pause_reading) action.turns = static_cast<unsigned>(random_.between(1, 30));
    if (action.verb == Verb::pause_until_full) action.turns = 100;
    if (action.verb == Verb::pause_for_a_moment) action.turns = static_cast<unsigned>(random_.between(1, 2));
    return action;
  }

  // --- how it ends -------------------------------------------------------------------------------------

  void choose_ending() {
    Speaker& speaker = either();
    const std::size_t kind = random_.below(100);
    if (kind < 22) return close_when_all_is_said(speaker);
    if (kind < 48) return half_close(speaker);
    if (kind < 58) return abort_when_all_is_said(speaker);
    if (kind < 76 || (kind < 90 && !there_.script.raw)) return end_in_the_middle(speaker);
    if (kind < 84) return reset_in_the_middle();
    if (kind < 90) return reset_after_the_end_of_file();
    end_on_both_sides(speaker);
  }

  /// The last step of the one who ends: when everything that the other end writes has been received.
  Step& step_when_all_is_said(Speaker& speaker) {
    Step& step = next_step(speaker);
    step.moment = Moment::received;
    step.bytes = speaker.waited_for = other(speaker).script.total_bytes;
    return step;
  }

  /// A last step of the one who half-closes: all that it answers has come by then.
  Step& step_when_all_is_answered(Speaker& speaker) {
    Step& step = next_step(speaker);
    if (speaker.answered > 0) {
      step.moment = Moment::received;
      step.bytes = speaker.waited_for = std::max(speaker.waited_for, speaker.answered);
    }
    return step;
  }

  Action close_somehow() {
    const Verb verb = random_.one_of(std::array{Verb::close, Verb::close, Verb::close_later});
    return {.verb = verb, .turns = static_cast<unsigned>(random_.between(1, 10))};
  }

  /// Nothing more is written to the one who sees the end of file, so it may close at once or later.
  void ends_at_end_of_file(Speaker& speaker) {
    speaker.script.determined.sees_eof = true;
    speaker.script.keep_open_after_eof = random_.chance(50);
    if (speaker.script.keep_open_after_eof) {
      Step& last = speaker.script.steps.emplace_back();
      last.moment = Moment::end_of_file;
      last.place = random_.chance(50) ? Place::inside : Place::soon;
      last.actions.push_back(random_.chance(20) ? Action{Verb::abort} : close_somehow());
    } else {
      // A step that is still to come when the transport has closed itself comes to nothing.
      speaker.script.determined.actions = !has_delayed_steps(speaker.script);
    }
  }

  void close_when_all_is_said(Speaker& speaker) {
    script_.ending = "one end closes when it has received all";
    Step& last = step_when_all_is_said(speaker);
    if (random_.chance(40)) last.actions.push_back(write(speaker));
    last.actions.push_back(close_somehow());
    ends_at_end_of_file(other(speaker));
  }

  /// What is buffered at that moment is dropped, and how much that is, is up to chance.
  void abort_when_all_is_said(Speaker& speaker) {
    script_.ending = "one end aborts when it has received all";
    Step& last = step_when_all_is_said(speaker);
    if (random_.chance(60)) last.actions.push_back(write(speaker));
    last.actions.push_back(abort_somehow(last));
    Speaker& listener = other(speaker);
    ends_at_end_of_file(listener);
    listener.script.determined.all_received = false;
    listener.script.determined.actions = false;
  }

  /// Also after a close that is still flushing.
  Action abort_somehow(Step& step) {
    if (random_.chance(60)) return {Verb::abort};
    if (random_.chance(60)) step.actions.push_back({Verb::close});
    return {.verb = Verb::abort_later, .turns = static_cast<unsigned>(random_.between(1, 10))};
  }

  void half_close(Speaker& first) {
    Speaker& second = other(first);
    script_.ending = "one end half-closes, the other answers and closes";
    Step& last_words = step_when_all_is_answered(first);
    if (random_.chance(70)) last_words.actions.push_back(write(first));
    last_words.actions.push_back({Verb::write_eof});
    if (!first.script.raw && random_.chance(40)) last_words.actions.push_back({Verb::write_after_eof});
    for (std::size_t more = random_.below(3); more > 0; --more) step(second, 2);
    if (random_.chance(30)) next_step(first).actions.push_back(pause());
    second.script.keep_open_after_eof = random_.chance(70);
    second.script.determined.sees_eof = true;
    if (second.script.keep_open_after_eof) {
      answer_after_end_of_file(second);
    } else {
      do_without_delay(second.script);
    }
    ends_at_end_of_file(first);
  }

  void answer_after_end_of_file(Speaker& speaker) {
    Step& step = speaker.script.steps.emplace_back();
    step.moment = Moment::end_of_file;
    step.place = random_.chance(50) ? Place::inside : Place::soon;
    for (std::size_t count = random_.below(3); count > 0; --count) step.actions.push_back(write(speaker));
    if (random_.chance(40)) step.actions.push_back({Verb::write_eof});
    step.actions.push_back(close_somehow());
  }

  [[nodiscard]] static bool has_delayed_steps(const EndScript& end) {
    return std::any_of(end.steps.begin(), end.steps.end(), [](const Step& step) {
      return step.place == Place::soon ||
             std::any_of(step.actions.begin(), step.actions.end(),
                         [](const Action& action) { return action.verb == Verb::produce; });
    });
  }

  /// A transport that closes itself at the end of file sends what was written before it, and no more.
  static void do_without_delay(EndScript& end) {
    for (Step& step : end.steps) {
      step.place = Place::inside;
      for (Action& action : step.actions) {
        if (action.verb == Verb::produce) action.verb = Verb::write_view;
      }
    }
  }

  void end_in_the_middle(Speaker& speaker) {
    script_.ending = "one end ends it at some moment";
    Speaker& listener = other(speaker);
    Step& last = next_step(speaker);
    const std::size_t kind = random_.below(3);
    if (kind == 0) {
      last.actions.push_back(close_somehow());
      // From now on only one of them reads.
      listener.script.pauses_reading_with_writing = false;
    } else if (kind == 1 || speaker.script.raw || last.bytes == 0 || has_delayed_steps(speaker.script)) {
      // (Only what is thrown from inside data_received ends the connection.)
      last.actions.push_back(abort_somehow(last));
      listener.script.pauses_reading_with_writing = false;
    } else {
      last.actions.push_back({Verb::fail});
      speaker.script.determined.reason = "thrown";
    }
    speaker.script.determined.all_received = false;
    // Bytes that come before it has ended, and after the step that ends it, are answered or not.
    speaker.script.determined.actions = speaker.script.echoes.empty();
    keeps_open_or_not(listener);
    is_at_the_mercy_of_chance(listener.script);
  }

  void keeps_open_or_not(Speaker& speaker) {
    const Determined before = speaker.script.determined;
    ends_at_end_of_file(speaker);
    speaker.script.determined = before;
  }

  static void is_at_the_mercy_of_chance(EndScript& end) {
    end.determined.all_received = false;
    end.determined.how_it_ends = false;
    end.determined.eof = false;
    end.determined.actions = false;
  }

  /// Only TCP is reset for certain: a Unix socket only where bytes were left unread.
  void reset_in_the_middle() {
    script_.ending = "the raw end resets at some moment";
    Step& last = next_step(there_);
    if (random_.chance(50)) last.actions.push_back(write(there_));
    last.actions.push_back({Verb::reset});
    is_at_the_mercy_of_chance(there_.script);
    is_at_the_mercy_of_chance(here_.script);
    keeps_open_or_not(here_);
    if (!script_.ground.is_tcp()) return;
    Determined& determined = here_.script.determined;
    determined.how_it_ends = determined.eof = true;
    determined.reason = "broken";
    determined.sees_eof = false;
  }

  /// A transport that is kept open after the end of file notices that the connection breaks.
  void reset_after_the_end_of_file() {
    if (!script_.ground.is_tcp()) script_.ground.carrier = Carrier::tcp_ipv4;
    script_.ending = "the raw end half-closes, is answered, and resets";
    Step& last_words = step_when_all_is_answered(there_);
    if (random_.chance(70)) last_words.actions.push_back(write(there_));
    last_words.actions.push_back({Verb::write_eof});
    here_.script.keep_open_after_eof = true;
    Step& answer = here_.script.steps.emplace_back();
    answer.moment = Moment::end_of_file;
    answer.place = random_.chance(50) ? Place::inside : Place::soon;
    answer.actions.push_back(write(here_));
    step_when_all_is_said(there_).actions.push_back({Verb::reset});
    here_.script.determined.sees_eof = true;
    here_.script.determined.reason = "broken";
    there_.script.determined.how_it_ends = false;
  }

  void end_on_both_sides(Speaker& speaker) {
    script_.ending = "both ends end it at moments of their own";
    Step& last = next_step(speaker);
    last.actions.push_back(abort_somehow(last));  // two that flush and no longer read would wait for ever
    Step& others_last = next_step(other(speaker));
    others_last.actions.push_back(random_.chance(50) ? close_somehow() : abort_somehow(others_last));
    for (Speaker* each : {&here_, &there_}) {
      keeps_open_or_not(*each);
      is_at_the_mercy_of_chance(each->script);
      each->script.pauses_reading_with_writing = false;
    }
  }

  // --- what that determines -------------------------------------------------------------------------------

  /// Answers are written while bytes arrive; what is written in a callback of its own falls anywhere among
  /// them.
  void settle_content(Speaker& writer, Speaker& reader) {
    const EndScript& end = writer.script;
    const bool twice = std::any_of(end.echoes.begin(), end.echoes.end(),
                                   [](const Echo& echo) { return echo.answer == Answer::twice; });
    if (twice || (!end.echoes.empty() && has_delayed_steps(end))) reader.script.determined.content = false;
  }

  /// Nor is an answer determined where the question is not.
  static void settle_content_of_answers(const Speaker& writer, Speaker& reader) {
    if (!writer.script.determined.content && !writer.script.echoes.empty())
      reader.script.determined.content = false;
  }

  Random random_;
  Script script_;
  Speaker here_{script_.here};
  Speaker there_{script_.there};
};

}  // namespace

Script generate(std::uint64_t seed) { return Conversation(seed).write(); }

}  // namespace tidegate::differential
