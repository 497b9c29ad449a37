// One end of a stream connection in a play: does what it likes in every callback, as far as that is legal,
// and knows what has to come of it.
#pragma once

#include "sim/file_errand.hpp"
#include "sim/flow.hpp"
#include "sim/stage.hpp"
#include "sim/upgrade.hpp"

#include <cstddef>
#include <memory>
#include <string>

namespace tidegate::workload {

class StreamEnd {
 public:
  StreamEnd(Stage& stage, unsigned number, bool secured)
      : stage_(stage),
        number_(number),
        layers_(secured ? 1 : 0),
        outgoing_(number),
        files_(stage, *this, outgoing_),
        upgrade_(stage, *this) {}
  StreamEnd(const StreamEnd&) = delete;
  StreamEnd& operator=(const StreamEnd&) = delete;

  /// For a factory: called once.
  [[nodiscard]] std::shared_ptr<BaseProtocol> make_first_protocol();
  /// From the outside: as if it acted in a callback.
  void act();
  /// Somebody else may have aborted it.
  void may_be_aborted() noexcept {
    aborted_ = true;
    upgrade_.may_fail();
  }
  /// Somebody else may have closed it.
  void may_be_closed() noexcept {
    if (upgrade_.is_under_way()) may_be_aborted();  // which it comes to, in the middle of a handshake
    upgrade_.may_fail();
  }
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
  [[nodiscard]] bool is_secured() const noexcept { return layers_ > 0; }
  /// How many layers of TLS it has.
  [[nodiscard]] unsigned layers() const noexcept { return layers_; }
  [[nodiscard]] bool has_written_eof() const noexcept { return eof_written_; }
  /// Whether there is any sense in trying.
  [[nodiscard]] bool may_send_file() const noexcept {
    return transport_ && is_open() && writes_ && !upgrade_.is_agreed() && !stage_.is_finale;
  }
  void abort();

  // --- for its upgrade ---------------------------------------------------------------------------

  [[nodiscard]] EndUpgrade& upgrade() noexcept { return upgrade_; }
  /// The other end, once something was heard of it.
  [[nodiscard]] StreamEnd* peer() const noexcept { return peer_; }
  /// What it has written, and the other end has not received.
  [[nodiscard]] std::size_t unheard_bytes() const noexcept { return outgoing_.left_bytes(); }
  [[nodiscard]] bool is_paused() const noexcept { return writing_paused_; }
  [[nodiscard]] bool may_have_been_aborted() const noexcept { return aborted_; }
  /// Whether it can begin with TLS now; but for the upgrade that it has agreed on.
  [[nodiscard]] bool may_go_on() const noexcept {
    return is_open() && transport_ && !transport_->is_closing() && reads_ && writes_ && !eof_written_ &&
           !saw_eof_ && !files_.is_under_way() && !files_.has_lost_count();
  }
  [[nodiscard]] bool may_upgrade() const noexcept { return may_go_on() && !upgrade_.is_agreed(); }
  /// Another one in the place of `present`.
  [[nodiscard]] std::shared_ptr<BaseProtocol> make_next_protocol(
      const std::shared_ptr<BaseProtocol>& present);
  /// It is over: this is the transport from now on; none where it has failed.
  void upgraded(TransportRef secured);

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
  void write_during_file();
  void write_eof_during_file();
  void write_eof();
  void close();
  void pause_reading();
  void resume_reading();
  void resume_later();
  void set_limits();
  void set_bad_limits();
  void swap_protocol();
  void act_later();
  void check_state();
  /// 0 where there is no transport to be asked.
  [[nodiscard]] std::size_t buffered_bytes() const {
    return upgrade_.is_under_way() ? 0 : transport_->get_write_buffer_size();
  }
  void note(const char* what, std::size_t number = 0) {
    stage_.diary.note(number_, what, static_cast<std::int64_t>(number));
  }
  void fault(const std::string& what) { stage_.diary.fault(number_, what); }

  Stage& stage_;
  unsigned number_;
  unsigned layers_;
  Flow outgoing_;
  FileErrand files_;
  EndUpgrade upgrade_;
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
  /// The highest mark that there ever was.
  std::size_t highest_mark_ = std::size_t{64} * 1024;
};

}  // namespace tidegate::workload
