// One end of a stream connection in a play, in tasks of its own: begins in the clear, goes over to TLS where
// both ends have agreed on that, then speaks and listens at the same time, and leaves in any way.
#pragma once

#include <tidegate/tidegate.hpp>

#include "sim/flow.hpp"
#include "sim/listener.hpp"
#include "sim/stage.hpp"

#include <cstddef>
#include <exception>
#include <optional>
#include <string>

namespace tidegate::workload {

class Talker {
 public:
  Talker(Stage& stage, unsigned number, std::size_t limit, bool connects, bool secured);
  Talker(const Talker&) = delete;
  Talker& operator=(const Talker&) = delete;

  /// All of it, once; throws nothing but CancelledError.
  [[nodiscard]] Task<> talk(StreamReader reader, StreamWriter writer);
  /// Somebody may have closed it, so that it hears no more; or aborted it.
  void may_be_closed() noexcept { closed_ = true; }
  void may_be_aborted() noexcept { aborted_ = closed_ = true; }
  /// The play is over.
  void finish(bool aborts);
  /// When everything is over: whether all has come to an end as it should.
  void check_end();

  [[nodiscard]] unsigned number() const noexcept { return number_; }

 private:
  [[nodiscard]] Task<> talk_in_order(StreamReader reader, StreamWriter writer);
  [[nodiscard]] Task<> begin(StreamReader reader, StreamWriter writer);
  [[nodiscard]] Task<> secure(StreamWriter writer);
  [[nodiscard]] Task<> speak(StreamWriter writer);
  [[nodiscard]] Task<> hear(StreamReader reader);
  [[nodiscard]] Task<> wait_for_room(StreamWriter writer);
  [[nodiscard]] Task<> leave(StreamWriter writer);
  void write_some(const StreamWriter& writer);
  void check_memory();
  /// Whether it may end like that; anything else is a fault.
  void check_failure(const std::exception_ptr& failure);
  void note(const char* what, std::size_t number = 0) {
    stage_.diary.note(number_, what, static_cast<std::int64_t>(number));
  }
  void fault(const std::string& what) { stage_.diary.fault(number_, what); }

  Stage& stage_;
  unsigned number_;
  std::size_t limit_;
  bool connects_;
  bool secured_;
  /// What the two say in the clear beside their names, and whether TLS follows: as the one who connects
  /// wants it.
  std::size_t preface_bytes_;
  bool goes_secure_;
  Flow outgoing_;
  Listener listener_;
  Talker* peer_ = nullptr;
  TransportRef transport_;
  std::size_t highest_mark_ = std::size_t{64} * 1024;
  bool closed_ = false;
  bool aborted_ = false;
  bool is_over_ = false;
  bool says_no_more_ = false;
};

}  // namespace tidegate::workload
