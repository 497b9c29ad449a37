// One end of a connection as it plays its part of a script: runs its steps, answers, and remembers what it
// was told. Knows nothing of how bytes travel; see wire.hpp.
#pragma once

#include <tidegate/error.hpp>
#include <tidegate/loop.hpp>

#include "differential/outcome.hpp"
#include "differential/script.hpp"
#include "differential/tally.hpp"
#include "differential/wire.hpp"

#include <cstddef>
#include <functional>
#include <string>

namespace tidegate::differential {

class Actor {
 public:
  /// `first_byte`: where in the endless pattern its own bytes begin, so that the two ends' differ.
  Actor(const EndScript& script, std::size_t first_byte, Tally& tally)
      : script_(script), first_byte_(first_byte), tally_(tally) {}
  Actor(const Actor&) = delete;
  Actor& operator=(const Actor&) = delete;

  /// Lifetime: all of them as long as this. `when_over` is called once, at the end.
  void enter(Loop& loop, Wire& wire, const Actor& other, std::function<void()> when_over);

  // --- what the wire tells -----------------------------------------------------------------------------

  void connected();
  void received(BytesView data);
  /// Whether the end is to be kept open.
  bool end_of_file();
  void pause_writing();
  void resume_writing();
  void lost(const Error& reason);

  // --- what has become of it ---------------------------------------------------------------------------

  [[nodiscard]] bool is_over() const noexcept { return over_; }
  [[nodiscard]] bool writing_paused() const noexcept { return writing_paused_; }
  [[nodiscard]] const EndOutcome& outcome() const noexcept { return outcome_; }

 private:
  /// Which callback is running.
  enum class Scene { none, connected, received, end_of_file, own };
  /// Why it does not read.
  enum Hold : unsigned { by_script = 1, by_writing = 2 };
  class Within;

  [[nodiscard]] bool is_due(const Step& step) const noexcept;
  void run_due_steps();
  void perform(const Step& step);
  void perform(const Action& action);
  void count(const Action& action);
  void soon(std::function<void()> work);
  void after(unsigned turns, std::function<void()> work);

  void write(const Action& action);
  void end(const Action& action);
  void pause(const Action& action);
  void attempt(const char* what, const std::function<void()>& call);
  [[nodiscard]] std::string next_bytes(std::size_t size_bytes);
  void produce();

  void answer(BytesView data);
  void answer(BytesView data, Answer how);
  void check_received(BytesView data);

  void hold(Hold why);
  void let_go(Hold why);
  void resume_when_full(unsigned turns);

  const EndScript& script_;
  std::size_t first_byte_;
  Tally& tally_;
  Loop* loop_ = nullptr;
  Wire* wire_ = nullptr;
  const Actor* other_ = nullptr;
  std::function<void()> when_over_;

  Scene scene_ = Scene::none;
  std::size_t next_step_ = 0;
  std::size_t processed_ = 0;  // bytes that answers and steps have been seen to for
  bool connected_ = false;
  bool busy_ = false;  // a step has been scheduled, or is producing
  bool ended_by_itself_ = false;
  bool writing_paused_ = false;
  bool over_ = false;
  unsigned holds_ = 0;
  std::size_t to_produce_ = 0;
  std::size_t production_piece_ = 0;
  EndOutcome outcome_;
};

}  // namespace tidegate::differential
