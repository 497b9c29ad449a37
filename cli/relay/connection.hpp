// One relayed connection: opens its ends one after the other, has them feed each other, and says how it
// ended.
#pragma once

#include <tidegate/future.hpp>
#include <tidegate/loop.hpp>
#include <tidegate/socket.hpp>
#include <tidegate/task.hpp>

#include "relay/child_side.hpp"
#include "relay/open_side.hpp"
#include "relay/options.hpp"
#include "relay/pair.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tidegate::cli::relay {

/// How a connection has ended.
struct Outcome {
  /// What went wrong, with the name of the end; empty where nothing did.
  std::string problem;
  /// Which datagrams came while nobody had room for them; empty where none did.
  std::string overrun;
  /// What a shell would say of the commands: of TO's, or where that is 0, of FROM's; 0 where there is none.
  int command_status = 0;
};

/// Lifetime: outlives its task. `options` outlive it.
class Connection {
 public:
  /// Told when an end over TLS is there, with its name and what was agreed on, for people.
  using OnSecured = std::function<void(const std::string& name, const std::string& agreement)>;

  /// `from_name`: what FROM is called where something is said of it.
  Connection(Loop& loop, const Options& options, std::string from_name, OnSecured on_secured);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { pair_->forget_listener(); }

  /// Relays until both ends have gone. `accepted`: what FROM is; without one it is opened.
  [[nodiscard]] Task<Outcome> run(Socket accepted = Socket());

  /// Both ends get what was read already, commands SIGTERM, and that is the end.
  void stop();
  /// Ends it with whatever is buffered.
  void abort();

  [[nodiscard]] const Pair& pair() const noexcept { return *pair_; }

 private:
  Task<> open(End end, Socket accepted);
  void join(End end, const OpenedSide& opened);
  void side_gone();
  [[nodiscard]] const Place& place(End end) const noexcept;
  [[nodiscard]] const std::string& name(End end) const noexcept;
  [[nodiscard]] std::string problem() const;
  [[nodiscard]] std::string overrun() const;
  [[nodiscard]] int command_status() const;

  Loop& loop_;
  const Options& options_;
  std::string from_name_;
  OnSecured on_secured_;
  std::shared_ptr<Pair> pair_;
  Future<> all_gone_;
  TaskHandle<OpenedSide> opening_;
  std::string could_not_open_;
  std::vector<std::shared_ptr<ChildSide>> commands_;  // in the order in which they were opened
  bool is_stopping_ = false;
  bool has_opened_ = false;  // both ends, or as many as there will be
};

}  // namespace tidegate::cli::relay
