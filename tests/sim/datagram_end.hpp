// One datagram socket in a play: sends what it likes to whom it likes, and knows what may come of it.
#pragma once

#include "sim/stage.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace tidegate::workload {

class DatagramEnd {
 public:
  DatagramEnd(Stage& stage, unsigned number) : stage_(stage), number_(number) {}
  DatagramEnd(const DatagramEnd&) = delete;
  DatagramEnd& operator=(const DatagramEnd&) = delete;

  /// For a factory: called once.
  [[nodiscard]] std::shared_ptr<DatagramProtocol> make_protocol();
  /// Acts once, from outside of a callback.
  void act();
  void finish(bool aborts);
  void check_end();

  [[nodiscard]] bool is_open() const noexcept { return made_ && !lost_; }
  /// Where it is. REQUIRES: it is open.
  [[nodiscard]] Endpoint address() const { return transport_->sockname(); }
  /// It has been made with an address to send to.
  void is_connected() noexcept { connected_ = true; }

  // --- for its protocol --------------------------------------------------------------------------

  void connection_made(DatagramTransportRef transport);
  void received(BytesView data, const Endpoint& address);
  void error_received();
  void pause_writing();
  void resume_writing();
  void connection_lost();

 private:
  void act_in_callback();
  void send();
  void send(BytesView data);
  void answer(BytesView data, const Endpoint& address);
  void set_limits();
  void close();
  void abort();
  void note(const char* what, std::size_t number = 0) {
    stage_.diary.note(1000 + number_, what, static_cast<std::int64_t>(number));
  }
  void fault(const std::string& what) { stage_.diary.fault(1000 + number_, what); }

  Stage& stage_;
  unsigned number_;
  DatagramTransportRef transport_;
  /// How large each one is that was sent, by its number.
  std::vector<std::size_t> sent_;
  bool connected_ = false;
  bool made_ = false;
  bool lost_ = false;
  bool closed_ = false;
  bool writing_paused_ = false;
};

}  // namespace tidegate::workload
