// The streams of a play: servers of streams, those who connect to them in every way, and their end.
#pragma once

#include <tidegate/tidegate.hpp>

#include "sim/stage.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace tidegate::workload {

class Talks {
 public:
  explicit Talks(Stage& stage) : stage_(stage) {}
  Talks(const Talks&) = delete;
  Talks& operator=(const Talks&) = delete;

  /// Each is a task. Lifetime: as long as this.
  [[nodiscard]] Task<> serve();
  [[nodiscard]] Task<> connect();
  void end_a_server();
  /// The play is over.
  void close_servers();
  [[nodiscard]] Task<> wait_for_servers();

 private:
  struct Place {
    std::string name;
    bool is_unix = false;
    bool is_secured = false;
    Port port;
    Server server;
    std::shared_ptr<std::vector<Talker*>> accepted;
  };

  [[nodiscard]] Task<> connect_to(Place place);
  [[nodiscard]] Task<> connect_pair();
  [[nodiscard]] std::size_t some_limit();

  Stage& stage_;
  std::vector<Place> places_;
  unsigned names_given_ = 0;
};

}  // namespace tidegate::workload
