// Receiving into the protocol's own memory: R4.
#include "contract/contract_test.hpp"

#include <string>
#include <vector>

namespace tidegate::contract {
namespace {

/// On every carrier, always with a BufferedProtocol. That memory is left alone outside of its time is checked
/// by the trace.
class BufferedReading : public ContractTest {
 protected:
  void connect_buffered() {
    connect_raw();
    here().switch_protocol(Receiver::buffered);
  }
  void run_until_received(std::size_t size_bytes) {
    rig().run_until([&, size_bytes] { return here().received.size() >= size_bytes; }, "enough bytes");
  }
};

TEST_P(BufferedReading, R4_each_get_buffer_is_followed_by_at_most_one_buffer_updated) {
  connect_buffered();
  peer().send(pattern(100'000));
  run_until_received(100'000);
  EXPECT_TRUE(is_pattern(here().received));
  EXPECT_GE(here().get_buffer_count, here().updated_count);
  EXPECT_GT(here().updated_count, 0);
}

TEST_P(BufferedReading, R4_the_size_hint_is_minus_one_where_it_is_unknown) {
  connect_buffered();
  std::string memory(100, '.');
  std::vector<std::ptrdiff_t> hints;
  here().on.get_buffer = [&](std::ptrdiff_t hint) {
    hints.push_back(hint);
    return MutableBytesView(memory);
  };
  peer().send("x");
  run_until_received(1);
  for (const std::ptrdiff_t hint : hints) EXPECT_EQ(hint, -1);
}

TEST_P(BufferedReading, R4_bytes_are_received_directly_into_the_buffer) {
  connect_buffered();
  std::string memory(64, '.');
  here().on.get_buffer = [&](std::ptrdiff_t) { return MutableBytesView(memory.data() + 10, 20); };
  peer().send("directly");
  run_until_received(8);
  EXPECT_EQ(memory.substr(0, 18), "..........directly");
  EXPECT_EQ(memory.substr(18), std::string(46, '.'));
}

TEST_P(BufferedReading, R4_a_buffer_of_one_byte) {
  connect_buffered();
  char memory = 0;
  here().on.get_buffer = [&](std::ptrdiff_t) { return MutableBytesView(&memory, 1); };
  peer().send(pattern(300));
  run_until_received(300);
  EXPECT_TRUE(is_pattern(here().received));
  EXPECT_EQ(here().updated_count, 300);
}

TEST_P(BufferedReading, R4_a_buffer_much_larger_than_the_data) {
  connect_buffered();
  std::vector<char> memory(std::size_t{4} * 1024 * 1024, '.');
  here().on.get_buffer = [&](std::ptrdiff_t) { return MutableBytesView(memory); };
  peer().send(pattern(1000));
  run_until_received(1000);
  EXPECT_TRUE(is_pattern(BytesView(memory).first(1000)));
  EXPECT_EQ(memory[1000], '.');
}

TEST_P(BufferedReading, R4_another_buffer_each_time) {
  connect_buffered();
  std::vector<std::vector<char>> memories;
  here().on.get_buffer = [&](std::ptrdiff_t) {
    memories.emplace_back(1 + memories.size() * 7 % 300, '.');
    return MutableBytesView(memories.back());
  };
  peer().send(pattern(50'000));
  run_until_received(50'000);
  EXPECT_TRUE(is_pattern(here().received));
}

TEST_P(BufferedReading, R4_an_empty_buffer_is_an_error) {
  connect_buffered();
  here().on.get_buffer = [&](std::ptrdiff_t) { return MutableBytesView(); };
  peer().send("x");
  run_until_lost();
  const Report report = rig().take_report();
  EXPECT_EQ(describe(report.exception), "get_buffer() returned an empty buffer");
  EXPECT_EQ(report.transport, here().ref().get());
  EXPECT_NE(report.protocol, nullptr);
  EXPECT_EQ(here().reason.exception(), report.exception);
  EXPECT_EQ(here().updated_count, 0);
}

TEST_P(BufferedReading, R4_neither_is_called_after_eof_received) {
  connect_buffered();
  here().keep_open_after_eof = !rig().ground().is_tls();
  peer().send("last");
  peer().shutdown_write();
  rig().run_until([&] { return here().eof_count == 1; });
  const int asked = here().get_buffer_count;
  here().pause_reading();
  here().resume_reading();
  rig().run_until_quiet();
  EXPECT_EQ(here().get_buffer_count, asked);
  EXPECT_EQ(here().received, "last");
}

TEST_P(BufferedReading, R4_the_end_of_file_comes_without_buffer_updated) {
  connect_buffered();
  peer().close();
  run_until_lost();
  EXPECT_EQ(here().updated_count, 0);
  EXPECT_EQ(here().eof_count, 1);
}

TEST_P(BufferedReading, R4_L4_closed_inside_get_buffer_the_buffer_is_not_filled) {
  for (const bool aborts : {false, true}) {
    connect_buffered();
    std::string memory(100, '.');
    here().on.get_buffer = [&](std::ptrdiff_t) {
      aborts ? here().abort() : here().close();
      return MutableBytesView(memory);
    };
    peer().send("too late");
    run_until_lost();
    EXPECT_EQ(here().updated_count, 0);
    EXPECT_EQ(memory, std::string(100, '.'));
    EXPECT_FALSE(here().reason);
  }
}

TEST_P(BufferedReading, R4_R2_paused_inside_get_buffer_nothing_is_lost) {
  connect_buffered();
  std::string memory(100, '.');
  here().on.get_buffer = [&](std::ptrdiff_t) {
    here().on.get_buffer = nullptr;
    here().pause_reading();
    return MutableBytesView(memory);
  };
  const int asked_before = here().get_buffer_count;
  peer().send("patience");
  rig().run_until([&] { return here().get_buffer_count > asked_before; });
  rig().run_until_quiet();
  EXPECT_EQ(here().get_buffer_count, asked_before + 1);
  here().resume_reading();
  run_until_received(8);
  EXPECT_EQ(here().received, "patience");
}

TEST_P(BufferedReading, R4_closed_and_given_back_no_buffer_at_all) {
  connect_buffered();
  here().on.get_buffer = [&](std::ptrdiff_t) {
    here().close();
    return MutableBytesView();
  };
  peer().send("x");
  run_until_lost();
  static_cast<void>(rig().take_reports());  // an error or not: either way it ends, once
}

TEST_P(BufferedReading, R4_memory_may_be_freed_in_connection_lost) {
  connect_buffered();
  auto memory = std::make_unique<std::vector<char>>(5000);
  here().on.get_buffer = [&](std::ptrdiff_t) { return MutableBytesView(*memory); };
  here().on.connection_lost = [&](const Error&) { memory.reset(); };
  peer().send("x");
  run_until_received(1);
  here().abort();
  peer().send("into freed memory?");
  run_until_lost();
  rig().run_until_quiet();
}

INSTANTIATE_TEST_SUITE_P(Streams, BufferedReading, ::testing::ValuesIn(each_carrier()), name_of);

}  // namespace
}  // namespace tidegate::contract
