// What flow control is for: F6.
#include "contract/contract_test.hpp"

#include <algorithm>
#include <string>

namespace tidegate::contract {
namespace {

constexpr std::size_t kTotalBytes = std::size_t{64} * 1024 * 1024;

class BoundedMemory : public ContractTest {
 protected:
  /// Writes until told to pause or until everything is written.
  void pump(std::size_t piece_bytes) {
    while (!here().writing_paused && written_ < total_) {
      const std::size_t size = std::min(piece_bytes, total_ - written_);
      here().transport().write(pattern(size, written_));
      largest_ = std::max(largest_, here().buffered());
      written_ += size;
    }
  }

  std::size_t total_ = kTotalBytes;
  std::size_t written_ = 0;
  std::size_t largest_ = 0;
};

TEST_P(BoundedMemory, F6_a_protocol_that_heeds_pause_writing_keeps_the_buffer_at_high_and_one_write) {
  constexpr std::size_t kPieceBytes = 48 * 1024;
  connect_raw();
  here().on.resume_writing = [&] { pump(kPieceBytes); };
  rig().in_loop([&] { pump(kPieceBytes); });
  std::size_t checked = 0;
  rig().run_until([&] {
    peer().receive(400'000);
    EXPECT_TRUE(is_pattern(peer().received, checked));
    checked += peer().received.size();
    peer().received.clear();
    return checked == kTotalBytes || HasFailure();
  });
  EXPECT_EQ(checked, kTotalBytes);
  EXPECT_LE(std::max(largest_, here().largest_write_buffer), 65536 + kPieceBytes);
  EXPECT_GT(here().pause_count, 10);
}

TEST_P(BoundedMemory, F6_a_slow_reader_at_the_other_end_holds_the_writer_up) {
  connect_pair();
  there().keeps_received = false;
  total_ = kTotalBytes / 4;
  there().on.some_received = [&] {
    there().pause_reading();  // one piece per turn of the loop
    loop().call_soon([&] { there().resume_reading(); });
  };
  here().on.resume_writing = [&] { pump(100'000); };
  rig().in_loop([&] { pump(100'000); });
  rig().run_until([&] { return there().received_size == total_; });
  EXPECT_LE(std::max(largest_, here().largest_write_buffer), 65536U + 100'000U);
  rig().run_rounds(3);  // the last resume_reading
}

TEST_P(BoundedMemory, F6_a_reader_that_never_reads_stops_the_writer) {
  connect_raw();
  here().on.resume_writing = [&] { pump(10'000); };
  rig().in_loop([&] { pump(10'000); });
  rig().run_until_quiet();
  EXPECT_TRUE(here().writing_paused);
  EXPECT_LT(written_, kTotalBytes);
  EXPECT_LE(here().largest_write_buffer, 65536U + 10'000U);
}

INSTANTIATE_TEST_SUITE_P(Streams, BoundedMemory, ::testing::ValuesIn(each_carrier()), name_of);

}  // namespace
}  // namespace tidegate::contract
