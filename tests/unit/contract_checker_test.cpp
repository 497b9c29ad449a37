// Every rule of the checker, shown by a transport that breaks it; and that what is in order is not told of.
#include <tidegate/testing.hpp>

#include "unit/fake_transports.hpp"

#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidegate::checking {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

/// Does in each callback what a test wants done.
struct Hooks {
  std::function<void()> made = [] {};
  std::function<void()> data = [] {};
  std::function<bool()> eof = [] { return true; };
  std::function<void()> pause = [] {};
  std::function<void()> lost = [] {};
};

class PlainProtocol final : public Protocol {
 public:
  explicit PlainProtocol(Hooks& hooks) : hooks_(hooks) {}
  void connection_made(TransportRef) override { hooks_.made(); }
  void data_received(BytesView data) override {
    received += data.text();
    hooks_.data();
  }
  bool eof_received() override { return hooks_.eof(); }
  void pause_writing() override { hooks_.pause(); }
  void connection_lost(const Error&) override { hooks_.lost(); }

  std::string received;

 private:
  Hooks& hooks_;
};

class MemoryProtocol final : public BufferedProtocol {
 public:
  explicit MemoryProtocol(std::size_t size_bytes) : memory(size_bytes, '-') {}
  MutableBytesView get_buffer(std::ptrdiff_t) override {
    if (in_get_buffer) in_get_buffer();
    return MutableBytesView(memory);
  }
  void buffer_updated(std::size_t size_bytes) override { received += memory.substr(0, size_bytes); }
  bool eof_received() override { return true; }

  std::string memory;
  std::string received;
  std::function<void()> in_get_buffer;
};

/// A connection that the test plays the transport of.
class ContractCheckerTest : public ::testing::Test {
 protected:
  /// "L2: what", or nothing.
  [[nodiscard]] std::string found() const {
    const std::optional<Breach> breach = checker.breach();
    return breach ? breach->clause + ": " + breach->what : "";
  }
  /// A transport whose protocol this is, that has said so.
  template <typename ProtocolType>
  void make(const std::shared_ptr<ProtocolType>& protocol) {
    transport->said.protocol = protocol;
    protocol->connection_made(TransportRef(transport));
  }
  void TearDown() override { transport->said.protocol = nullptr; }

  ContractChecker checker;
  Hooks hooks;
  const Ref<FakeTransport> transport{new FakeTransport};
  const std::shared_ptr<PlainProtocol> inner = std::make_shared<PlainProtocol>(hooks);
  const std::shared_ptr<Protocol> protocol = checker.wrap(inner);
};

TEST_F(ContractCheckerTest, finds_nothing_in_a_connection_that_is_in_order) {
  make(protocol);
  transport->said.buffered_bytes = 21;
  protocol->pause_writing();
  protocol->data_received("abc");
  transport->said.buffered_bytes = 10;
  protocol->resume_writing();
  EXPECT_TRUE(protocol->eof_received());
  EXPECT_EQ(checker.open_connections(), 1U);
  transport->close();
  transport->said.reading = false;
  protocol->connection_lost(Error());
  checker.check_all_ended();
  EXPECT_EQ(checker.report(), "");
  EXPECT_EQ(checker.open_connections(), 0U);
  EXPECT_EQ(inner->received, "abc");
}

TEST_F(ContractCheckerTest, what_a_breach_says_names_the_clause_and_shows_what_was_called_until_then) {
  make(protocol);
  protocol->data_received(std::string(512, 'x'));
  transport->pause_reading();
  protocol->data_received("more");
  EXPECT_EQ(checker.report(),
            "contract breach, R2, by the transport: data_received while reading is paused\n"
            "  > 0 bytes buffered, marks 10 and 20\n"
            "  connection_made\n"
            "  data_received(512)\n"
            "  > not reading, 0 bytes buffered\n"
            "  data_received(4)\n");
  EXPECT_EQ(inner->received.size(), 516U) << "what was wrong is passed on as well";
}

TEST_F(ContractCheckerTest, the_first_breach_is_kept_and_told_of_once) {
  std::vector<std::string> told;
  ContractChecker telling([&](const Breach& breach) { told.push_back(breach.clause); });
  const auto first = telling.wrap(std::make_shared<PlainProtocol>(hooks));
  const auto second = telling.wrap(std::make_shared<PlainProtocol>(hooks));
  first->data_received("x");
  second->connection_lost(Error());
  second->connection_lost(Error());
  EXPECT_THAT(told, ::testing::ElementsAre("L1"));
  EXPECT_THAT(telling.report(), HasSubstr("data_received before connection_made"));
}

TEST_F(ContractCheckerTest, a_long_trace_keeps_its_end) {
  make(protocol);
  for (int count = 0; count < 1000; ++count) protocol->data_received("x");
  protocol->data_received("");
  EXPECT_THAT(checker.report(), HasSubstr("lines before that)\n"));
  EXPECT_THAT(checker.report(), ::testing::EndsWith("data_received(0)\n"));
  EXPECT_LT(checker.report().size(), 4000U);
}

TEST_F(ContractCheckerTest, wrapped_protocols_may_outlive_their_checker) {
  auto short_lived = std::make_unique<ContractChecker>();
  const auto wrapped = short_lived->wrap(inner);
  short_lived.reset();
  wrapped->data_received("x");
  EXPECT_EQ(inner->received, "x");
}

TEST_F(ContractCheckerTest, what_is_not_a_wrapped_protocol_is_refused) {
  EXPECT_THROW(static_cast<void>(checker.wrap(std::shared_ptr<Protocol>())), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(ContractChecker::wrap_next(inner, inner)), std::invalid_argument);
  EXPECT_THROW(ContractChecker::look_at(inner, TransportRef(transport)), std::invalid_argument);
  EXPECT_THROW(ContractChecker::look_at(protocol, nullptr), std::invalid_argument);
}

// --- the life ----------------------------------------------------------------------------------------------

TEST_F(ContractCheckerTest, L1_a_callback_before_connection_made) {
  protocol->data_received("x");
  EXPECT_EQ(found(), "L1: data_received before connection_made");
}

TEST_F(ContractCheckerTest, L1_connection_made_twice) {
  make(protocol);
  make(protocol);
  EXPECT_EQ(found(), "L1: connection_made a second time");
}

TEST_F(ContractCheckerTest, L1_connection_made_without_a_transport) {
  protocol->connection_made(nullptr);
  EXPECT_EQ(found(), "L1: connection_made without a transport");
}

TEST_F(ContractCheckerTest, L2_a_callback_after_connection_lost) {
  make(protocol);
  transport->close();
  transport->said.reading = false;
  protocol->connection_lost(Error());
  protocol->pause_writing();
  EXPECT_EQ(found(), "L2: pause_writing after connection_lost");
}

TEST_F(ContractCheckerTest, L2_connection_lost_twice) {
  make(protocol);
  transport->close();
  transport->said.reading = false;
  protocol->connection_lost(Error());
  protocol->connection_lost(Error());
  EXPECT_EQ(found(), "L2: connection_lost after connection_lost");
}

TEST_F(ContractCheckerTest, L2_connection_lost_never) {
  make(protocol);
  checker.check_all_ended();
  EXPECT_EQ(found(), "L2: connection_lost was never called");
}

TEST_F(ContractCheckerTest, L2_connection_lost_never_of_a_protocol_that_was_dropped) {
  auto dropped = checker.wrap(std::make_shared<PlainProtocol>(hooks));
  make(dropped);
  transport->said.protocol = nullptr;
  dropped.reset();
  checker.check_all_ended();
  EXPECT_EQ(found(), "L2: connection_lost was never called");
}

TEST_F(ContractCheckerTest, L2_connection_lost_from_inside_of_another_callback) {
  hooks.data = [&] {
    transport->close();
    protocol->connection_lost(Error());
  };
  make(protocol);
  protocol->data_received("x");
  EXPECT_EQ(found(), "L2: connection_lost from inside of another callback");
}

TEST_F(ContractCheckerTest, W1_data_received_from_inside_of_another_callback) {
  hooks.made = [&] { protocol->data_received("x"); };
  make(protocol);
  EXPECT_EQ(found(), "W1: data_received from inside of another callback");
}

TEST_F(ContractCheckerTest, F1_pause_writing_from_inside_of_another_callback_is_in_order) {
  hooks.data = [&] {
    transport->write("what is over the high mark");
    protocol->pause_writing();
  };
  make(protocol);
  protocol->data_received("x");
  EXPECT_EQ(found(), "");
}

TEST_F(ContractCheckerTest, L4_data_after_close) {
  make(protocol);
  transport->close();
  transport->said.reading = false;
  protocol->data_received("x");
  protocol->connection_lost(Error());
  EXPECT_THAT(found(), StartsWith("L4: something was received after close()"));
}

TEST_F(ContractCheckerTest, L4_data_that_had_arrived_before_an_error_is_in_order) {
  make(protocol);
  transport->close();
  transport->said.reading = false;
  protocol->data_received("x");
  protocol->connection_lost(Error(std::make_error_code(std::errc::broken_pipe)));
  EXPECT_EQ(found(), "");
}

TEST_F(ContractCheckerTest, L4_an_end_of_file_after_close) {
  make(protocol);
  transport->close();
  transport->said.reading = false;
  static_cast<void>(protocol->eof_received());
  protocol->connection_lost(Error());
  EXPECT_THAT(found(), StartsWith("L4: something was received after close()"));
}

TEST_F(ContractCheckerTest, L6_connection_lost_of_a_transport_that_is_not_closing) {
  make(protocol);
  protocol->connection_lost(Error());
  EXPECT_EQ(found(), "L6: connection_lost, and is_closing() is false");
}

TEST_F(ContractCheckerTest, L6_a_transport_that_is_not_closing_any_more) {
  hooks.data = [&] {
    transport->close();
    transport->said.reading = false;
  };
  make(protocol);
  protocol->data_received("x");
  transport->said = {.closing = false, .protocol = protocol};
  protocol->data_received("x");
  EXPECT_EQ(found(), "L6: is_closing() has become false again");
}

TEST_F(ContractCheckerTest, L7_another_reason_than_what_was_thrown) {
  hooks.data = [] { throw std::runtime_error("the protocol's own"); };
  make(protocol);
  EXPECT_THROW(protocol->data_received("x"), std::runtime_error);
  transport->close();
  transport->said.reading = false;
  protocol->connection_lost(Error());
  EXPECT_EQ(found(), "L7: connection_lost with another reason than what a callback has thrown");
  EXPECT_THAT(checker.report(), HasSubstr("    threw: the protocol's own\n"));
}

TEST_F(ContractCheckerTest, L7_data_after_a_callback_has_thrown) {
  hooks.data = [] { throw std::runtime_error("no"); };
  make(protocol);
  EXPECT_THROW(protocol->data_received("x"), std::runtime_error);
  hooks.data = [] {};
  protocol->data_received("x");
  EXPECT_THAT(found(), StartsWith("L7: data_received after a callback has thrown"));
}

TEST_F(ContractCheckerTest, L7_what_was_thrown_as_the_reason_is_in_order) {
  const auto thrown = std::make_exception_ptr(std::runtime_error("no"));
  hooks.data = [&] { std::rethrow_exception(thrown); };
  make(protocol);
  EXPECT_THROW(protocol->data_received("x"), std::runtime_error);
  transport->close();
  transport->said.reading = false;
  protocol->connection_lost(Error(thrown));
  EXPECT_EQ(found(), "");
}

TEST_F(ContractCheckerTest, L7_what_pause_writing_throws_ends_nothing) {
  hooks.pause = [] { throw std::runtime_error("no"); };
  make(protocol);
  transport->said.buffered_bytes = 21;
  EXPECT_THROW(protocol->pause_writing(), std::runtime_error);
  protocol->data_received("x");
  EXPECT_EQ(found(), "");
}

TEST_F(ContractCheckerTest, L8_a_callback_on_a_protocol_that_was_replaced) {
  make(protocol);
  const auto next = ContractChecker::wrap_next(protocol, std::make_shared<PlainProtocol>(hooks));
  transport->set_protocol(next);
  next->data_received("x");
  EXPECT_EQ(found(), "");
  protocol->data_received("x");
  EXPECT_EQ(found(), "L8: data_received on a protocol that set_protocol has replaced");
}

TEST_F(ContractCheckerTest, L8_the_next_protocol_is_checked_on) {
  make(protocol);
  const auto memory = std::make_shared<MemoryProtocol>(8);
  const auto next = ContractChecker::wrap_next(protocol, memory);
  transport->set_protocol(next);
  next->connection_made(TransportRef(transport));
  EXPECT_EQ(found(), "L1: connection_made a second time");
}

TEST_F(ContractCheckerTest, a_transport_that_is_somebody_elses_is_not_looked_at) {
  make(protocol);
  transport->set_protocol(inner);  // as where TLS comes between
  transport->pause_reading();
  protocol->data_received("x");
  EXPECT_EQ(found(), "");
  const Ref<FakeTransport> above(new FakeTransport);
  above->said = {.reading = false, .protocol = protocol};
  ContractChecker::look_at(protocol, above);
  protocol->data_received("x");
  EXPECT_EQ(found(), "R2: data_received while reading is paused");
  above->said.protocol = nullptr;
}

// --- reading -----------------------------------------------------------------------------------------------

TEST_F(ContractCheckerTest, R1_data_received_with_nothing) {
  make(protocol);
  protocol->data_received("");
  EXPECT_EQ(found(), "R1: data_received with no data");
}

TEST_F(ContractCheckerTest, R2_an_end_of_file_while_reading_is_paused) {
  make(protocol);
  transport->pause_reading();
  static_cast<void>(protocol->eof_received());
  EXPECT_EQ(found(), "R2: eof_received while reading is paused");
}

TEST_F(ContractCheckerTest, R2_a_transport_that_reads_while_it_is_closing) {
  make(protocol);
  transport->close();
  protocol->connection_lost(Error());
  EXPECT_EQ(found(), "R2: is_reading() of a transport that is closing");
}

TEST_F(ContractCheckerTest, R3_a_second_end_of_file) {
  make(protocol);
  static_cast<void>(protocol->eof_received());
  static_cast<void>(protocol->eof_received());
  EXPECT_EQ(found(), "R3: eof_received a second time");
}

TEST_F(ContractCheckerTest, R3_data_after_the_end_of_file) {
  make(protocol);
  static_cast<void>(protocol->eof_received());
  protocol->data_received("x");
  EXPECT_EQ(found(), "R3: data_received after eof_received");
}

TEST_F(ContractCheckerTest, R3_an_end_of_file_that_should_have_closed_the_transport) {
  hooks.eof = [] { return false; };
  make(protocol);
  static_cast<void>(protocol->eof_received());
  transport->said.buffered_bytes = 21;
  protocol->pause_writing();
  EXPECT_EQ(found(), "R3: eof_received has returned false, and the transport is not closing");
}

/// The same with memory of the protocol's.
class ContractCheckerMemoryTest : public ContractCheckerTest {
 protected:
  const std::shared_ptr<MemoryProtocol> memory = std::make_shared<MemoryProtocol>(8);
  const std::shared_ptr<BufferedProtocol> buffered = checker.wrap(memory);
};

TEST_F(ContractCheckerMemoryTest, R4_what_is_filled_arrives_in_the_memory_of_the_protocol) {
  make(buffered);
  for (const char* const text : {"one", "two"}) {
    const MutableBytesView offered = buffered->get_buffer(-1);
    ASSERT_EQ(offered.size(), 8U);
    std::memcpy(offered.data(), text, 3);
    buffered->buffer_updated(3);
  }
  EXPECT_EQ(memory->received, "onetwo");
  EXPECT_EQ(found(), "");
}

TEST_F(ContractCheckerMemoryTest, R4_buffer_updated_without_get_buffer) {
  make(buffered);
  static_cast<void>(buffered->get_buffer(-1));
  buffered->buffer_updated(3);
  EXPECT_EQ(found(), "");
  buffered->buffer_updated(3);
  EXPECT_EQ(found(), "R4: buffer_updated without a get_buffer before it");
}

TEST_F(ContractCheckerMemoryTest, R4_buffer_updated_with_nothing) {
  make(buffered);
  static_cast<void>(buffered->get_buffer(-1));
  buffered->buffer_updated(0);
  EXPECT_EQ(found(), "R4: buffer_updated with 0, of a buffer of 8");
}

TEST_F(ContractCheckerMemoryTest, R4_buffer_updated_with_more_than_there_is_room_for) {
  make(buffered);
  static_cast<void>(buffered->get_buffer(-1));
  buffered->buffer_updated(9);
  EXPECT_EQ(found(), "R4: buffer_updated with 9, of a buffer of 8");
}

TEST_F(ContractCheckerMemoryTest, R4_something_written_behind_the_buffer) {
  make(buffered);
  *buffered->get_buffer(-1).end() = std::byte{1};
  buffered->buffer_updated(8);
  EXPECT_EQ(found(), "R4: something was written before or behind the buffer");
}

TEST_F(ContractCheckerMemoryTest, R4_something_written_before_the_buffer) {
  make(buffered);
  *(buffered->get_buffer(-1).data() - 1) = std::byte{1};
  static_cast<void>(buffered->get_buffer(-1));
  EXPECT_EQ(found(), "R4: something was written before or behind the buffer");
}

TEST_F(ContractCheckerMemoryTest, R4_something_written_after_buffer_updated) {
  make(buffered);
  const MutableBytesView offered = buffered->get_buffer(-1);
  buffered->buffer_updated(8);
  offered.data()[0] = std::byte{1};
  transport->close();
  transport->said.reading = false;
  buffered->connection_lost(Error());
  EXPECT_EQ(found(), "R4: something was written to the buffer after buffer_updated");
}

TEST_F(ContractCheckerMemoryTest, R4_a_size_hint_of_0) {
  make(buffered);
  static_cast<void>(buffered->get_buffer(0));
  EXPECT_EQ(found(), "R4: get_buffer with a hint that is neither -1 nor a size");
}

TEST_F(ContractCheckerMemoryTest, R4_an_empty_buffer_is_the_protocols_breach) {
  memory->memory.clear();
  make(buffered);
  static_cast<void>(buffered->get_buffer(-1));
  EXPECT_EQ(found(), "R4: get_buffer has returned an empty buffer");
  EXPECT_EQ(checker.breach()->by, Breach::By::protocol);
  EXPECT_THAT(checker.report(), StartsWith("contract breach, R4, by the protocol: get_buffer"));
}

TEST_F(ContractCheckerMemoryTest, R4_an_empty_buffer_of_a_protocol_that_has_paused_from_inside_is_in_order) {
  memory->memory.clear();
  memory->in_get_buffer = [&] { transport->pause_reading(); };
  make(buffered);
  static_cast<void>(buffered->get_buffer(-1));
  EXPECT_EQ(found(), "");
}

TEST_F(ContractCheckerMemoryTest, R2_get_buffer_while_reading_is_paused) {
  make(buffered);
  transport->pause_reading();
  static_cast<void>(buffered->get_buffer(-1));
  EXPECT_EQ(found(), "R2: get_buffer while reading is paused");
}

TEST_F(ContractCheckerMemoryTest, R3_get_buffer_after_the_end_of_file) {
  make(buffered);
  static_cast<void>(buffered->eof_received());
  static_cast<void>(buffered->get_buffer(-1));
  EXPECT_EQ(found(), "R3: get_buffer after eof_received");
}

// --- flow control ------------------------------------------------------------------------------------------

TEST_F(ContractCheckerTest, F1_pause_writing_twice) {
  make(protocol);
  transport->said.buffered_bytes = 21;
  protocol->pause_writing();
  protocol->pause_writing();
  EXPECT_EQ(found(), "F1: pause_writing twice in a row");
}

TEST_F(ContractCheckerTest, F1_resume_writing_without_pause_writing) {
  make(protocol);
  protocol->resume_writing();
  EXPECT_EQ(found(), "F1: resume_writing without pause_writing");
}

TEST_F(ContractCheckerTest, F1_pause_writing_at_the_high_mark) {
  make(protocol);
  transport->said.buffered_bytes = 20;
  protocol->pause_writing();
  EXPECT_EQ(found(), "F1: pause_writing with a buffer that is not over the high mark");
}

TEST_F(ContractCheckerTest, F1_resume_writing_over_the_low_mark) {
  make(protocol);
  transport->said.buffered_bytes = 21;
  protocol->pause_writing();
  transport->said.buffered_bytes = 11;
  protocol->resume_writing();
  EXPECT_EQ(found(), "F1: resume_writing with a buffer that is over the low mark");
}

TEST_F(ContractCheckerTest, F1_a_buffer_over_the_high_mark_that_nobody_is_told_of) {
  hooks.data = [&] { transport->write("more than twenty bytes"); };
  make(protocol);
  protocol->data_received("x");
  EXPECT_EQ(found(), "F1: the buffer is over the high mark, and pause_writing was not called");
}

}  // namespace
}  // namespace tidegate::checking
