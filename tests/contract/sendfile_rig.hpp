// What the tests of sendfile share: files of several sizes on their way over one connection. Knows no clause.
#pragma once

#include "contract/contract_test.hpp"
#include "support/scratch_file.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace tidegate::contract {

using testing::ScratchFile;

class SendfileTest : public ContractTest {
 protected:
  /// More than leaves in one turn.
  static constexpr std::size_t kMuchBytes = 3'000'000;
  /// More than fits into the kernel and whatever is above it while nobody reads.
  static constexpr std::size_t kMoreThanFitsBytes = 32'000'000;

  using Sending = TaskHandle<std::uint64_t>;

  [[nodiscard]] Sending send(FileDescriptor file, const SendfileOptions& options = {}) {
    return loop().create_task(loop().sendfile(here().ref(), file, options));
  }
  [[nodiscard]] Sending send(const ScratchFile& file, const SendfileOptions& options = {}) {
    return send(file.descriptor(), options);
  }
  /// Whether a file is read and written, rather than sent by the kernel.
  [[nodiscard]] bool passes_through_program() const { return rig().ground().is_tls(); }
  /// Until nothing goes on, because nobody reads at the other end.
  [[nodiscard]] Sending send_until_blocked(const ScratchFile& file) {
    Sending sending = send(file);
    // What reads and writes has a thread read, and is quiet meanwhile.
    if (passes_through_program()) rig().run_until([&] { return here().writing_paused; });
    rig().run_until_quiet();
    EXPECT_FALSE(sending.done()) << "the file was to be larger than what is taken without a reader";
    return sending;
  }
  [[nodiscard]] Task<std::uint64_t> send_both(const ScratchFile& first, const ScratchFile& second) {
    auto sending_first = loop().sendfile(here().ref(), first.descriptor());
    const std::uint64_t sent = co_await std::move(sending_first);
    auto sending_second = loop().sendfile(here().ref(), second.descriptor());
    const std::uint64_t also_sent = co_await std::move(sending_second);
    co_return sent + also_sent;
  }

  /// Runs until it is done, with a peer that reads: how much fits into the kernel is the kernel's affair.
  /// Throws what it failed with.
  std::uint64_t result_of(const Sending& sending) {
    const auto is_done = [&] {
      peer().receive();
      return sending.done();
    };
    rig().run_until(is_done, "sendfile to be done");
    return sending.result();
  }
  /// The error that it failed with, CancelledError's name for that, or what else happened.
  [[nodiscard]] std::string failure_of(const Sending& sending) {
    rig().run_until([&] { return sending.done(); }, "sendfile to be done");
    try {
      return "a result: " + std::to_string(sending.result());
    } catch (...) {
      return describe(std::current_exception());
    }
  }
  /// The same as a code; empty where it has none.
  [[nodiscard]] std::error_code code_of(const Sending& sending) {
    rig().run_until([&] { return sending.done(); }, "sendfile to be done");
    if (sending.cancelled()) return {};
    return Error(sending.exception()).code();
  }

  void expect_arrival(std::size_t size_bytes) {
    rig().run_until([&] { return peer().has(size_bytes); }, "the peer's bytes");
    EXPECT_EQ(peer().received.size(), size_bytes);
    EXPECT_TRUE(is_pattern(peer().received));
  }
  void expect_bytes(const std::string& expected) {
    rig().run_until([&] { return peer().has(expected.size()); }, "the peer's bytes");
    EXPECT_TRUE(peer().received == expected);
  }
};

}  // namespace tidegate::contract
