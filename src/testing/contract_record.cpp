// The rules that every kind of protocol has in common: see contract_record.hpp.
#include "testing/contract_record.hpp"

#include <tidegate/error.hpp>

#include <algorithm>
#include <utility>

namespace tidegate::checking {

std::optional<Observed> ContractRecord::observed() const {
  if (!observe_) return std::nullopt;
  Observed now = observe_();
  const bool ours = std::find(members_.begin(), members_.end(), now.protocol) != members_.end();
  return ours ? std::optional<Observed>(now) : std::nullopt;
}

void ContractRecord::breach(std::string_view clause, std::string what, Breach::By by) {
  if (!ledger_->is_looking()) return;
  ledger_->add({.clause = std::string(clause), .what = std::move(what), .by = by, .trace = trace_.text()});
}

// --- order -----------------------------------------------------------------------------------------

void ContractRecord::entered(const BaseProtocol& protocol, const Called& called) {
  const std::optional<Observed> now = observed();
  if (now) trace_.see(depth_, *now);
  trace_.add(depth_, called.name + called.arguments);
  ++depth_;
  check_order(protocol, called, now);
  if (closes_after_eof_ && now && !now->closing)
    breach("R3", "eof_received has returned false, and the transport is not closing");
  // In the middle of a write there may be more than is told of yet.
  if (now && !called.may_nest) check_state(*now);
}

void ContractRecord::check_order(const BaseProtocol& protocol, const Called& called,
                                 const std::optional<Observed>& now) {
  const std::string name = called.name;
  const bool is_made = name == "connection_made";
  if (lost_) {
    breach("L2", name + " after connection_lost");
  } else if (!made_ && !is_made) {
    breach("L1", name + " before connection_made");
  } else if (made_ && is_made) {
    breach("L1", "connection_made a second time");
  } else if (depth_ > 1 && !called.may_nest) {
    breach(called.clause, name + " from inside of another callback");
  } else if (ends_with_ != nullptr && name != "connection_lost") {
    breach("L7", name + " after a callback has thrown, which ends the connection");
  } else if (now && now->protocol != &protocol) {
    breach("L8", name + " on a protocol that set_protocol has replaced");
  }
}

/// What holds whenever no callback runs.
void ContractRecord::check_state(const Observed& now) {
  if (was_closing_ && !now.closing) breach("L6", "is_closing() has become false again");
  was_closing_ = was_closing_ || now.closing;
  if (now.closing) {
    if (now.reading) breach("R2", "is_reading() of a transport that is closing");
  } else if (now.buffered_bytes > now.limits.high && !paused_ && !now.grows_by_itself) {
    breach("F1", "the buffer is over the high mark, and pause_writing was not called");
  }
}

void ContractRecord::left(const Called& called) {
  --depth_;
  if (lost_) return;
  const std::optional<Observed> now = observed();
  if (!now) return;
  trace_.see(depth_, *now);
  if (!called.may_nest) check_state(*now);
}

void ContractRecord::threw(std::exception_ptr exception, Throwing throwing) {
  note("threw: " + describe(exception));
  if (throwing == Throwing::is_reported) return;
  // Where it was closing already, the end may have had its reason before.
  const std::optional<Observed> now = observed();
  if (now && !now->closing && ends_with_ == nullptr) ends_with_ = std::move(exception);
}

// --- the life --------------------------------------------------------------------------------------

void ContractRecord::made() {
  if (made_) return;
  made_ = true;
  ledger_->made(shared_from_this());
  if (!observe_) breach("L1", "connection_made without a transport");
}

void ContractRecord::lost(const Error& reason) {
  const std::optional<Observed> now = observed();
  if (now && !now->closing) breach("L6", "connection_lost, and is_closing() is false");
  if (ends_with_ != nullptr && reason.exception() != ends_with_)
    breach("L7", "connection_lost with another reason than what a callback has thrown");
  if (received_while_closing_ && !reason)
    breach("L4", "something was received after close(), which the empty reason of connection_lost tells");
  lost_ = true;
  observe_ = nullptr;  // the transport may go
  ledger_->lost(this);
}

// --- flow control ----------------------------------------------------------------------------------

void ContractRecord::paused() {
  if (std::exchange(paused_, true)) breach("F1", "pause_writing twice in a row");
  const std::optional<Observed> now = observed();
  if (now && now->buffered_bytes <= now->limits.high)
    breach("F1", "pause_writing with a buffer that is not over the high mark");
}

void ContractRecord::resumed() {
  if (!std::exchange(paused_, false)) breach("F1", "resume_writing without pause_writing");
  const std::optional<Observed> now = observed();
  if (now && now->buffered_bytes > now->limits.low)
    breach("F1", "resume_writing with a buffer that is over the low mark");
}

// --- reading ---------------------------------------------------------------------------------------

void ContractRecord::received(const Called& called) {
  if (eof_received_) breach("R3", called.name + std::string(" after eof_received"));
  check_reading(called.name);
}

void ContractRecord::end_of_file() {
  if (std::exchange(eof_received_, true)) breach("R3", "eof_received a second time");
  check_reading("eof_received");
}

void ContractRecord::check_reading(const std::string& name) {
  const std::optional<Observed> now = observed();
  if (!now) return;
  if (now->closing) {
    received_while_closing_ = true;
  } else if (!now->reading) {
    breach("R2", name + " while reading is paused");
  }
}

void ContractRecord::kept_open(bool kept) { closes_after_eof_ = !kept; }

}  // namespace tidegate::checking
