// What one connection has shown of itself so far, and the rules that need to know that: the life, the order,
// flow control, reading. Rules about one callback alone are where that is passed on.
#pragma once

#include "testing/breach_ledger.hpp"
#include "testing/callback_trace.hpp"
#include "testing/observed.hpp"

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tidegate::checking {

/// One callback, as rules see it.
struct Called {
  /// "data_received"; of static storage.
  const char* name;
  /// Of what is called where nothing may be called, or from inside of another callback.
  const char* clause;
  /// "(512)", for the trace.
  std::string arguments = {};
  /// What a call of the program's may bring about before it returns (pause_writing, error_received).
  bool may_nest = false;
};

/// What became of a callback that threw.
enum class Throwing : unsigned char { is_reported, ends_the_connection };

/// One connection, through all protocols that it is handed to.
class ContractRecord : public std::enable_shared_from_this<ContractRecord> {
 public:
  explicit ContractRecord(std::shared_ptr<BreachLedger> ledger) : ledger_(std::move(ledger)) {}

  // --- whose it is -------------------------------------------------------------------------------

  void joins(const BaseProtocol& protocol) { members_.push_back(&protocol); }
  /// The last one takes what is held of the transport with it.
  void leaves(const BaseProtocol& protocol) noexcept {
    std::erase(members_, &protocol);
    if (members_.empty()) observe_ = nullptr;
  }

  /// From now on the transport is looked at.
  void look_at(Observe observe) { observe_ = std::move(observe); }
  /// The transport as it is now; nothing where it is somebody else's.
  [[nodiscard]] std::optional<Observed> observed() const;

  // --- what is called ----------------------------------------------------------------------------

  /// Begins a callback on `protocol`: the rules of order. Each has its `left`.
  void entered(const BaseProtocol& protocol, const Called& called);
  void left(const Called& called);
  /// The callback is about to throw this.
  void threw(std::exception_ptr exception, Throwing throwing);

  /// The rules of these, inside of their callback.
  void made();
  void lost(const Error& reason);
  void paused();
  void resumed();
  /// Something was received: nothing may be while reading is paused, and of what comes while the transport is
  /// closing, `lost` will tell whether it was due.
  void received(const Called& called);
  /// eof_received, and what it has returned.
  void end_of_file();
  void kept_open(bool kept);

  /// A breach by the transport, in the callback that runs.
  void breach(std::string_view clause, std::string what) {
    breach(clause, std::move(what), Breach::By::transport);
  }
  void breach(std::string_view clause, std::string what, Breach::By by);
  /// Adds a line to the trace.
  void note(std::string line) { trace_.add(depth_, std::move(line)); }

 private:
  void check_order(const BaseProtocol& protocol, const Called& called, const std::optional<Observed>& now);
  void check_state(const Observed& now);
  void check_reading(const std::string& name);

  std::shared_ptr<BreachLedger> ledger_;
  std::vector<const BaseProtocol*> members_;  // Lifetime: each leaves before it goes
  Observe observe_;
  CallbackTrace trace_;
  std::exception_ptr ends_with_;
  std::size_t depth_ = 0;
  bool made_ = false;
  bool lost_ = false;
  bool paused_ = false;
  bool eof_received_ = false;
  bool closes_after_eof_ = false;
  bool was_closing_ = false;
  bool received_while_closing_ = false;
};

/// Has `call` run as one callback on `protocol`; `rules` come before it, and see the transport as it is then.
template <typename Rules, typename Call>
decltype(auto) check_callback(ContractRecord& record, const BaseProtocol& protocol, const Called& called,
                              Throwing throwing, const Rules& rules, const Call& call) {
  record.entered(protocol, called);
  struct Leaving {
    ContractRecord& record;
    const Called& called;
    ~Leaving() { record.left(called); }
  };
  const Leaving leaving{record, called};
  rules();
  try {
    return call();
  } catch (...) {
    record.threw(std::current_exception(), throwing);
    throw;
  }
}

}  // namespace tidegate::checking
