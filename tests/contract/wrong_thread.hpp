// What is refused to a thread that does not run the loop (contract E3).
#pragma once

#include "contract/loop_rig.hpp"

#include <string>
#include <thread>

namespace tidegate::loop_rig {

/// A fixture whose loop can be called by another thread.
template <typename Fixture>
class WithWrongThread : public Fixture {
 protected:
  /// Runs `call` on another thread while the loop runs, and returns what it threw.
  template <typename Call>
  std::string from_a_wrong_thread(const Call& call) {
    std::string text;
    this->loop().call_soon([&] {
      std::thread other([&] { text = thrown_text<InvalidStateError>(call); });
      other.join();
    });
    this->turns(2);
    return text;
  }
};

}  // namespace tidegate::loop_rig
