// The fixture of most contract tests: one connection on the parameter's ground, with what is often done to
// it.
#pragma once

#include "contract/rig.hpp"

#include <functional>
#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace tidegate::contract {

/// A rig on the parameter's ground, and one connection at a time.
class ContractTest : public ::testing::TestWithParam<Ground> {
 protected:
  void SetUp() override;
  void TearDown() override;

  [[nodiscard]] Rig& rig() const noexcept { return *rig_; }
  [[nodiscard]] Loop& loop() const noexcept { return rig_->loop(); }
  /// The end under test.
  [[nodiscard]] TracedEnd& here() const noexcept { return *here_; }
  /// The other end, after `connect_pair`.
  [[nodiscard]] TracedEnd& there() const noexcept { return *there_; }
  /// The other end, after `connect_raw`.
  [[nodiscard]] RawPeer& peer() const noexcept { return *peer_; }

  /// `prepare` sets up `here()` and `peer()` before connection_made.
  void connect_raw(const std::function<void()>& prepare = {});
  void connect_pair(const std::function<void()>& prepare = {});

  /// Rig::fill_kernel for `here()`.
  std::size_t fill_kernel() { return rig().fill_kernel(here()); }
  /// Has the peer end the connection with an error rather than an end of file.
  void reset_by_peer();
  /// Runs until connection_lost.
  void run_until_lost();

 private:
  std::unique_ptr<Rig> rig_;
  TracedEnd* here_ = nullptr;
  TracedEnd* there_ = nullptr;
  RawPeer* peer_ = nullptr;
};

/// Makes an exception and keeps it, so that "the very same" can be checked.
[[nodiscard]] inline std::exception_ptr failure(const std::string& text) {
  return std::make_exception_ptr(std::runtime_error(text));
}

/// The text of the exception of type `Expected` that `call` throws; "nothing was thrown" otherwise.
template <typename Expected, typename Call>
[[nodiscard]] std::string thrown_text(const Call& call) {
  try {
    call();
  } catch (const Expected& error) {
    return error.what();
  }
  return "nothing was thrown";
}

/// The code of the OsError that `call` throws; none otherwise.
template <typename Call>
[[nodiscard]] std::error_code thrown_code(const Call& call) {
  try {
    call();
  } catch (const OsError& error) {
    return error.code();
  }
  return {};
}

}  // namespace tidegate::contract
