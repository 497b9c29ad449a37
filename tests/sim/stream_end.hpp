// One end of a stream connection in a play: does what it likes in every callback, as far as that is legal,
// and knows what has to come of it.
#pragma once

#include "sim/flow.hpp"
#include "sim/stage.hpp"

#include <cstddef>
#include <memory>
#include <string>

namespace tidegate::workload {

class StreamEnd {
 public:
  StreamEnd(Stage& stage, unsigned number, bool secured)
      : stage_(stage), number_(number), secured_(secured), outgoing_(number) {}
  StreamEnd(const StreamEnd&) = delete;
  StreamEnd& operator=(const StreamEnd&) = delete;

  /// For a factory: called once.
  [[nodiscard]] std::shared_ptr<BaseProtocol> make_first_protocol();
  /// From the outside: as if it acted in a callback.
  void act();
  /// Somebody else may have aborted it.
  void may_be_aborted() noexcept { aborted_ = true; }
  /// From here on until that is over, the connecting may be given up, and the connection with it.
  void may_be_given_up() noexcept { connecting_ = true; }
  void is_not_given_up() noexcept { connecting_ = false; }
  /// The play is over: reads what there is, and closes or aborts.
  void finish(bool aborts);
  /// When everything is over: whether all has come to an end as it should.
  void check_end();

  [[nodiscard]] unsigned number() const noexcept { return number_; }
  [[nodiscard]] bool is_open() const noexcept { return made_ && !lost_; }
  [[nodiscard]] const TransportRef& transport() const noexcept { return transport_; }

  // --- for its protocols -------------------------------------------------------------------------

  void connection_made(TransportRef transport);
  void received(BytesView data, bool is_lent);
  [[nodiscard]] std::size_t buffer_size_bytes();
  [[nodiscard]] bool eof_received();
  void pause_writing();
  void resume_writing();
  void connection_lost(const Error& reason);

 private:
  void act_in_callback();
  void act_once();
  void act_again_and_again(std::size_t times);
  void write();
  void write_bytes(std::size_t size_bytes);
  void echo(BytesView data);
  [[nodiscard]] Chunk chunk_that_acts(std::string bytes);
  /// How it was before a write.
  struct Held {
    std::size_t buffered_bytes;
    std::size_t high;
    bool paused;
    unsigned writes;
  };
  void check_write(const Held& before, std::size_t size_bytes);
  void write_after_eof();
  void write_eof();
  void close();
  void abort();
  void pause_reading();
  void resume_reading();
  void resume_later();
  void set_limits();
  void set_bad_limits();
  void swap_protocol();
  void act_later();
  void check_state();
  void note(const char* what, std::size_t number = 0) {
    stage_.diary.note(number_, what, static_cast<std::int64_t>(number));
  }
  void fault(const std::string& what) { stage_.diary.fault(number_, what); }

  Stage& stage_;
  unsigned number_;
  bool secured_;
  Flow outgoing_;
  StreamEnd* peer_ = nullptr;
  std::string name_of_peer_;
  TransportRef transport_;
  bool made_ = false;
  bool lost_ = false;
  bool reads_ = true;
  bool writes_ = true;
  bool reading_paused_ = false;
  bool writing_paused_ = false;
  bool eof_written_ = false;
  bool saw_eof_ = false;
  bool aborted_ = false;
  bool connecting_ = false;
  bool ended_in_order_ = false;
  unsigned write_count_ = 0;
};

}  // namespace tidegate::workload
