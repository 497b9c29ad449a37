// The first breach of the connections of one checker, and which of them have not ended. Knows no rules.
#pragma once

#include <tidegate/contract_checker.hpp>

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <utility>

namespace tidegate::checking {

class ContractRecord;

class BreachLedger {
 public:
  explicit BreachLedger(BreachHandler on_breach) : on_breach_(std::move(on_breach)) {}

  /// Keeps the first one, and tells the handler.
  void add(Breach breach) {
    if (closed_ || first_) return;
    first_ = std::move(breach);
    if (on_breach_) on_breach_(*first_);
  }
  [[nodiscard]] const std::optional<Breach>& first() const noexcept { return first_; }
  /// Whether anything is still to be found: nobody looks for a second one.
  [[nodiscard]] bool is_looking() const noexcept { return !closed_ && !first_; }

  /// A connection that was made is kept until it has ended, so that one that is dropped is missed.
  void made(std::shared_ptr<ContractRecord> record) {
    const ContractRecord* const key = record.get();
    open_.emplace(key, std::move(record));
  }
  void lost(const ContractRecord* record) { open_.erase(record); }
  [[nodiscard]] std::size_t open_count() const noexcept { return open_.size(); }
  /// One of those; null where there is none.
  [[nodiscard]] std::shared_ptr<ContractRecord> any_open() const {
    return open_.empty() ? nullptr : open_.begin()->second;
  }

  /// The checker goes.
  void close() noexcept {
    closed_ = true;
    open_.clear();
    on_breach_ = nullptr;
  }

 private:
  BreachHandler on_breach_;
  std::optional<Breach> first_;
  std::map<const ContractRecord*, std::shared_ptr<ContractRecord>> open_;
  bool closed_ = false;
};

}  // namespace tidegate::checking
