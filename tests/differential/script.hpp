// What the two ends of one connection do, as a value: made by the generator, played by actors, printed when
// something goes wrong. Knows no transports.
//
// A script is deterministic in what the contract determines. No step waits for time: each waits for an event
// of its own end (a number of bytes received, the end of file), and the steps of an end run in their order.
// How the bytes are cut on their way changes when a step runs, but never what has been received and done
// before it. What a script leaves to chance (which bytes a reset swallows) it says: see `Determined`.
#pragma once

#include "contract/ground.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tidegate::differential {

// --- what is done ------------------------------------------------------------------------------------------

enum class Verb {
  write_view,        // `size_bytes` from memory that is overwritten as soon as write has returned
  write_chunk,       // handed over
  writelines_views,  // `size_bytes` in `pieces`
  writelines_chunks,
  produce,  // `size_bytes` in pieces, no more while paused by pause_writing
  write_eof,
  write_after_eof,  // which throws
  close,
  close_later,  // after `turns` iterations
  abort,
  abort_later,
  reset,               // a raw end only: closes with a reset instead of an end of file
  fail,                // throws from the callback
  pause_reading,       // for `turns` iterations
  pause_until_full,    // until the other end is paused for writing, or that many iterations
  pause_for_a_moment,  // until a timer rings, `turns` milliseconds later
  pause_and_resume,    // at once
  become_plain,        // set_protocol
  become_buffered,
  set_limits,      // of the write buffer: `low`, `high`
  set_bad_limits,  // which throws
};

struct Action {
  Verb verb;
  std::size_t size_bytes = 0;
  std::size_t pieces = 1;
  unsigned turns = 0;
  std::size_t low = 0;
  std::size_t high = 0;
};

// --- when --------------------------------------------------------------------------------------------------

/// What a step waits for, beside the steps before it.
enum class Moment { made, received, end_of_file };
/// Whether a step runs inside the callback that it waited for, or in one of its own after it.
enum class Place { inside, soon };

struct Step {
  Moment moment = Moment::made;
  /// How much has been received, for Moment::received.
  std::size_t bytes = 0;
  Place place = Place::inside;
  std::vector<Action> actions;
};

// --- what is answered --------------------------------------------------------------------------------------

/// How received bytes are sent back from inside the callback that brought them.
enum class Answer {
  whole,   // the view itself
  halves,  // the same bytes by two views
  twice,   // the view twice: what arrives depends on how the question was cut
  lines,   // writelines of three parts of the view
  copied,  // a chunk with a copy
};

/// The bytes from `from` up to `to` of what an end receives are answered.
struct Echo {
  std::size_t from = 0;
  std::size_t to = 0;
  Answer answer = Answer::whole;
};

// --- one end, and both -------------------------------------------------------------------------------------

/// What of an end's outcome depends on the script alone, and is compared between backends. What does not is
/// still checked by itself: bytes in order, callbacks in their grammar, an end within its bounds.
struct Determined {
  /// It receives all that the other end writes; otherwise a part from the beginning on.
  bool all_received = true;
  /// The bytes themselves, and not only their number.
  bool content = true;
  /// The kind of connection_lost's reason: `reason`.
  bool how_it_ends = true;
  /// Whether it is told of an end of file: `sees_eof`.
  bool eof = true;
  /// Everything it writes, and what its calls throw.
  bool actions = true;

  std::string reason = "none";
  bool sees_eof = false;
};

struct EndScript {
  bool raw = false;
  std::vector<Step> steps;
  std::vector<Echo> echoes;
  /// What eof_received returns; then a step of Moment::end_of_file closes.
  bool keep_open_after_eof = false;
  /// Does not read while it must not write.
  bool pauses_reading_with_writing = false;
  /// How large the memory of a BufferedProtocol is.
  std::size_t buffer_size_bytes = 16384;
  /// A raw end: how much it reads at a time.
  std::size_t read_size_bytes = 65536;
  /// SO_SNDBUF; 0: as the system has it.
  int send_buffer_bytes = 0;
  /// Writes in connection_lost, which are ignored.
  unsigned writes_when_lost = 0;
  /// All that it writes where nothing cuts it short.
  std::size_t total_bytes = 0;
  Determined determined;
};

struct Script {
  std::uint64_t seed = 0;
  /// Without a backend: the script has none.
  contract::Ground ground;
  /// The way in which it ends, in words.
  std::string ending;
  /// `here` is on the ground's side; only `there` may be raw.
  EndScript here;
  EndScript there;
};

[[nodiscard]] const char* name_of(Verb verb) noexcept;
[[nodiscard]] const char* name_of(Answer answer) noexcept;
/// The script for people, one step a line.
[[nodiscard]] std::string to_text(const Script& script);

}  // namespace tidegate::differential
