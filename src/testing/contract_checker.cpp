// What a test holds of the checker: see contract_checker.hpp.
#include <tidegate/contract_checker.hpp>

#include "testing/checked.hpp"

#include <stdexcept>
#include <utility>

namespace tidegate {

namespace {

using checking::Checked;
using checking::ContractRecord;
using checking::make_checked;
using checking::observing;

template <typename Kind>
std::shared_ptr<Kind> checked(std::shared_ptr<ContractRecord> record, std::shared_ptr<Kind> protocol) {
  if (protocol == nullptr) throw std::invalid_argument("ContractChecker: the protocol is null");
  return make_checked(std::move(record), std::move(protocol));
}

const std::shared_ptr<ContractRecord>& record_of(const std::shared_ptr<BaseProtocol>& protocol) {
  const auto* const wrapped = dynamic_cast<const Checked*>(protocol.get());
  if (wrapped == nullptr) throw std::invalid_argument("ContractChecker: this protocol was not wrapped");
  return wrapped->record();
}

}  // namespace

std::string Breach::text() const {
  return "contract breach, " + clause + ", by the " + (by == By::transport ? "transport" : "protocol") +
         ": " + what + "\n" + trace;
}

ContractChecker::ContractChecker(BreachHandler on_breach)
    : ledger_(std::make_shared<checking::BreachLedger>(std::move(on_breach))) {}

ContractChecker::~ContractChecker() { ledger_->close(); }

std::shared_ptr<Protocol> ContractChecker::wrap(std::shared_ptr<Protocol> protocol) {
  return checked(std::make_shared<ContractRecord>(ledger_), std::move(protocol));
}

std::shared_ptr<BufferedProtocol> ContractChecker::wrap(std::shared_ptr<BufferedProtocol> protocol) {
  return checked(std::make_shared<ContractRecord>(ledger_), std::move(protocol));
}

std::shared_ptr<DatagramProtocol> ContractChecker::wrap(std::shared_ptr<DatagramProtocol> protocol) {
  return checked(std::make_shared<ContractRecord>(ledger_), std::move(protocol));
}

std::shared_ptr<SubprocessProtocol> ContractChecker::wrap(std::shared_ptr<SubprocessProtocol> protocol) {
  return checked(std::make_shared<ContractRecord>(ledger_), std::move(protocol));
}

std::shared_ptr<Protocol> ContractChecker::wrap_next(const std::shared_ptr<BaseProtocol>& present,
                                                     std::shared_ptr<Protocol> next) {
  return checked(record_of(present), std::move(next));
}

std::shared_ptr<BufferedProtocol> ContractChecker::wrap_next(const std::shared_ptr<BaseProtocol>& present,
                                                             std::shared_ptr<BufferedProtocol> next) {
  return checked(record_of(present), std::move(next));
}

std::shared_ptr<DatagramProtocol> ContractChecker::wrap_next(const std::shared_ptr<BaseProtocol>& present,
                                                             std::shared_ptr<DatagramProtocol> next) {
  return checked(record_of(present), std::move(next));
}

void ContractChecker::look_at(const std::shared_ptr<BaseProtocol>& wrapped, TransportRef transport) {
  if (!transport) throw std::invalid_argument("ContractChecker: the transport is null");
  record_of(wrapped)->look_at(observing(std::move(transport)));
}

void ContractChecker::check_all_ended() {
  if (const std::shared_ptr<ContractRecord> open = ledger_->any_open())
    open->breach("L2", "connection_lost was never called");
}

std::optional<Breach> ContractChecker::breach() const { return ledger_->first(); }

std::string ContractChecker::report() const { return ledger_->first() ? ledger_->first()->text() : ""; }

std::size_t ContractChecker::open_connections() const noexcept { return ledger_->open_count(); }

}  // namespace tidegate
