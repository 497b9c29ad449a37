// TLS on a connection that was used in the clear (start_tls): what one end of it does, what has to come of it
// (T1, T2, T6, T8), and how both ends come to agree. Knows no callbacks but connection_lost.
#pragma once

#include <tidegate/tidegate.hpp>

#include "sim/stage.hpp"

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

namespace tidegate::workload {

/// What both ends of an upgrade know of it.
struct UpgradePact {
  /// Something has happened that it may fail of.
  bool may_fail = false;
  /// It must not succeed, on either end.
  bool must_fail = false;
};

/// How one end goes into it.
struct UpgradeTerms {
  TlsContext context;
  std::string server_hostname;
  std::optional<Duration> handshake_timeout;
};

class EndUpgrade {
 public:
  /// Lifetime: those of a play; the end outlives the loop.
  EndUpgrade(Stage& stage, StreamEnd& end) noexcept : stage_(stage), end_(end) {}
  EndUpgrade(const EndUpgrade&) = delete;
  EndUpgrade& operator=(const EndUpgrade&) = delete;

  // --- for its end -------------------------------------------------------------------------------

  /// It has agreed to one: says nothing in the clear any more.
  [[nodiscard]] bool is_agreed() const noexcept { return pact_ != nullptr; }
  /// From the call of `start_tls` until it has ended: nothing is to be done with the connection.
  [[nodiscard]] bool is_under_way() const noexcept { return is_under_way_; }
  /// This end does something that it may fail of.
  void may_fail() noexcept {
    if (pact_ != nullptr) pact_->may_fail = true;
  }
  /// What of this was sent in the clear, where that much of it is still to come: what is behind it belongs to
  /// the handshake that the other end has begun.
  [[nodiscard]] BytesView in_the_clear(BytesView data, std::size_t left_bytes);
  /// All that was sent in the clear is there.
  void clear_part_is_over();
  void connection_lost(const Error& reason);

  // --- for the two of them -----------------------------------------------------------------------

  void agree(std::shared_ptr<UpgradePact> pact, const UpgradeTerms& terms);
  void forget() noexcept { pact_ = nullptr; }
  /// The other end begins at this moment.
  void expect() noexcept { is_expected_ = true; }
  [[nodiscard]] bool is_expected() const noexcept { return is_expected_; }
  void start();

 private:
  [[nodiscard]] Task<> follow(Task<TransportRef> upgrading, std::shared_ptr<UpgradePact> pact);
  void give_up_later();
  void check_failure(UpgradePact& pact, const std::exception_ptr& failure);
  void check_success(const UpgradePact& pact, const TransportRef& secured);
  void compare_reasons();
  void fault(const std::string& what);

  Stage& stage_;
  StreamEnd& end_;
  std::shared_ptr<UpgradePact> pact_;
  UpgradeTerms terms_;
  std::string early_;
  TimePoint begin_;
  TaskHandle<> task_;
  bool is_expected_ = false;
  bool is_under_way_ = false;
  bool was_cancelled_ = false;
  /// What start_tls has thrown, and the reason that the protocol was told.
  std::optional<std::error_code> thrown_;
  std::optional<std::error_code> reason_;
};

/// Has both ends of some connection agree on TLS and begin with it, if there is such a connection. Over TLS
/// as well.
[[nodiscard]] Task<> upgrade_some_connection(Stage& stage);

}  // namespace tidegate::workload
