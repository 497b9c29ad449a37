// What happens in a play beside what its ends do by themselves: servers come and go, connections are made in
// every way, given up and cancelled, tasks wait, the weather changes; and in the end everything is brought
// to one.
#pragma once

#include <tidegate/tidegate.hpp>

#include "sim/stage.hpp"
#include "sim/talks.hpp"

#include <memory>
#include <string>
#include <vector>

namespace tidegate::workload {

class Director {
 public:
  explicit Director(Stage& stage) : stage_(stage), talks_(stage) {}
  Director(const Director&) = delete;
  Director& operator=(const Director&) = delete;

  /// The whole play. Lifetime: as long as this.
  [[nodiscard]] Task<> direct();

 private:
  /// Where one server listens.
  struct Place {
    /// A host or a Unix name.
    std::string name;
    bool is_unix = false;
    Server server;
    /// The ends that it has made.
    std::shared_ptr<std::vector<StreamEnd*>> accepted;
  };

  void do_something();
  void begin_talk();
  void begin(Task<> task) { tasks_.push_back(stage_.loop.create_task(std::move(task))); }

  [[nodiscard]] Task<> serve(bool is_unix);
  [[nodiscard]] Task<> connect(bool is_unix);
  [[nodiscard]] Task<> connect_pair();
  [[nodiscard]] Task<> connect_pipe();
  [[nodiscard]] Task<> open_datagrams();
  [[nodiscard]] Task<> wait_for_nothing();
  void end_a_server();
  void change_the_weather();
  void act_outside_of_callbacks();
  void cancel_a_task();

  [[nodiscard]] Task<> finish();
  [[nodiscard]] static Task<> wait_for_all(const std::vector<TaskHandle<>>& tasks);

  void note(const char* what, std::int64_t number = 0) { stage_.diary.note(0, what, number); }

  Stage& stage_;
  std::vector<Place> places_;
  std::vector<TaskHandle<>> tasks_;
  Talks talks_;
  /// These may have nothing to wait for but the end of the play.
  std::vector<TaskHandle<>> talk_tasks_;
  unsigned names_given_ = 0;
};

/// What a play may be told when something of the network or of TLS goes wrong; anything else is a fault.
[[nodiscard]] bool is_expected(const std::exception_ptr& exception);

}  // namespace tidegate::workload
