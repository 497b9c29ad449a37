// A protocol that stands in front of another one and has every callback checked: what the kinds of them have
// in common, and where they are made.
#pragma once

#include <tidegate/datagram.hpp>
#include <tidegate/protocol.hpp>
#include <tidegate/subprocess.hpp>

#include "testing/contract_record.hpp"

#include <memory>
#include <utility>

#include <fmt/format.h>

namespace tidegate::checking {

/// Beside the kind of protocol that it is. (An interface, so that any of them is known by its record.)
class Checked {
 public:
  Checked(const Checked&) = delete;
  Checked& operator=(const Checked&) = delete;
  [[nodiscard]] const std::shared_ptr<ContractRecord>& record() const noexcept { return record_; }

 protected:
  explicit Checked(std::shared_ptr<ContractRecord> record) noexcept : record_(std::move(record)) {}
  ~Checked() = default;

 private:
  std::shared_ptr<ContractRecord> record_;
};

/// What every kind passes on: all of BaseProtocol.
template <typename Kind>
class CheckedBase : public Kind, public Checked {
 public:
  CheckedBase(std::shared_ptr<ContractRecord> record, std::shared_ptr<Kind> behind)
      : Checked(std::move(record)), behind_(std::move(behind)) {
    this->record()->joins(*this);
  }
  ~CheckedBase() override { record()->leaves(*this); }

  void pause_writing() final {
    check(
        {.name = "pause_writing", .clause = "F1", .may_nest = true}, [&] { record()->paused(); },
        [&] { behind_->pause_writing(); });
  }
  void resume_writing() final {
    check(
        {.name = "resume_writing", .clause = "F1"}, [&] { record()->resumed(); },
        [&] { behind_->resume_writing(); });
  }

 protected:
  [[nodiscard]] Kind& behind() const noexcept { return *behind_; }

  /// As check_callback, for callbacks that may throw what they like.
  template <typename Rules, typename Call>
  decltype(auto) check(const Called& called, const Rules& rules, const Call& call) {
    return check_callback(*record(), *this, called, Throwing::is_reported, rules, call);
  }
  /// For those that end the connection by throwing (L7).
  template <typename Rules, typename Call>
  decltype(auto) check_fatal(const Called& called, const Rules& rules, const Call& call) {
    return check_callback(*record(), *this, called, Throwing::ends_the_connection, rules, call);
  }

  /// `transport` is kept, to be looked at, until the connection has ended.
  template <typename TransportType>
  void check_made(Ref<TransportType> transport) {
    if (transport) record()->look_at(observing(transport));
    check(
        {.name = "connection_made", .clause = "L1"}, [&] { record()->made(); },
        [&] { behind_->connection_made(std::move(transport)); });
  }
  template <typename Rules>
  void check_lost(const Error& reason, const Rules& rules) {
    const std::shared_ptr<ContractRecord> kept = record();  // whoever is told may let go of this
    check(
        {.name = "connection_lost", .clause = "L2", .arguments = fmt::format("({})", reason.message())},
        [&] {
          rules();
          kept->lost(reason);
        },
        [&] { behind_->connection_lost(reason); });
  }

 private:
  std::shared_ptr<Kind> behind_;
};

[[nodiscard]] std::shared_ptr<Protocol> make_checked(std::shared_ptr<ContractRecord> record,
                                                     std::shared_ptr<Protocol> behind);
[[nodiscard]] std::shared_ptr<BufferedProtocol> make_checked(std::shared_ptr<ContractRecord> record,
                                                             std::shared_ptr<BufferedProtocol> behind);
[[nodiscard]] std::shared_ptr<DatagramProtocol> make_checked(std::shared_ptr<ContractRecord> record,
                                                             std::shared_ptr<DatagramProtocol> behind);
[[nodiscard]] std::shared_ptr<SubprocessProtocol> make_checked(std::shared_ptr<ContractRecord> record,
                                                               std::shared_ptr<SubprocessProtocol> behind);

}  // namespace tidegate::checking
