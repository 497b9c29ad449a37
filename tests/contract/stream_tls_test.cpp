// Securing a stream that is open already: contract T6, as a StreamWriter does it.
#include "contract/streams_rig.hpp"

#ifdef TIDEGATE_HAS_TLS

#include "support/certificates.hpp"

#include <string>

#include <gmock/gmock.h>

namespace tidegate::streams_rig {
namespace {

class StreamTls : public StreamsTest {
 protected:
  void SetUp() override {
    StreamsTest::SetUp();
    contract::Ground ground;
    ground.carrier = contract::Carrier::tls_tcp;
    client_ = contract::client_context(ground);
    server_ = contract::server_context(ground);
    options_.server_hostname = "localhost";
  }

  TlsContext client_;
  TlsContext server_;
  StartTlsOptions options_;
};

TEST_F(StreamTls, T6_both_ends_go_on_encrypted) {
  const auto talk = [&]() -> Task<> {
    const Ends ends = co_await connect_over(Carrier::tcp);
    ends.near.writer.write("STARTTLS\n");
    co_await gives(ends.far.reader.readline(), "STARTTLS\n");
    auto serving = loop().create_task(ends.far.writer.start_tls(server_));
    auto calling = ends.near.writer.start_tls(client_, options_);
    co_await std::move(calling);
    co_await serving;
    EXPECT_TRUE(ends.near.writer.get_extra_info("ssl_object").has_value());
    const std::string sent = pattern(500'000);
    ends.near.writer.write(sent);
    ends.far.writer.write("welcome\n");
    co_await gives(ends.near.reader.readline(), "welcome\n");
    const std::string received = co_await ends.far.reader.readexactly(sent.size());
    EXPECT_TRUE(received == sent);
    ends.near.writer.close();
    co_await gives(ends.far.reader.read(), "");
    co_await ends.near.writer.wait_closed();
  };
  run(talk());
}

TEST_F(StreamTls, T6_a_client_hello_that_the_reader_holds_already_is_not_lost) {
  const auto talk = [&]() -> Task<> {
    const Ends ends = co_await connect_over(Carrier::tcp);
    ends.near.writer.write("STARTTLS\n");
    const auto calling = loop().create_task(ends.near.writer.start_tls(client_, options_));
    co_await gives(ends.far.reader.readline(), "STARTTLS\n");
    co_await pause(50);  // the hello arrives, and the far reader has it
    auto serving = ends.far.writer.start_tls(server_);
    co_await std::move(serving);
    co_await calling;
    ends.far.writer.write("secret\n");
    co_await gives(ends.near.reader.readline(), "secret\n");
    // Nor is it there twice: what is read from now on is what was protected.
    ends.near.writer.write("answer\n");
    co_await gives(ends.far.reader.readline(), "answer\n");
  };
  run(talk());
}

TEST_F(StreamTls, T6_what_was_injected_before_is_no_protected_data_and_ends_the_stream) {
  const auto talk = [&]() -> Task<> {
    const Ends ends = co_await connect_over(Carrier::tcp);
    ends.near.writer.write("STARTTLS\nDELETE everything\n");
    co_await gives(ends.far.reader.readline(), "STARTTLS\n");
    std::error_code code;
    std::string serving;
    try {
      auto upgrading = ends.far.writer.start_tls(server_);
      co_await std::move(upgrading);
    } catch (const TlsError& error) {
      code = error.code();
      serving = error.what();
    }
    EXPECT_EQ(code, TlsErrc::protocol_violation) << serving;
    // Nothing of it can be read; who tries is told what happened.
    const std::string reading = co_await thrown_by(ends.far.reader.read());
    EXPECT_EQ(reading, serving);
    EXPECT_EQ(describe(ends.far.writer.drain().exception()), serving);
    EXPECT_EQ(describe(ends.far.writer.wait_closed().exception()), serving);
  };
  run(talk());
}

TEST_F(StreamTls, T6_a_stream_that_was_paused_because_nobody_read_it_is_secured_all_the_same) {
  const auto talk = [&]() -> Task<> {
    const Ends ends = co_await connect_over(Carrier::tcp, 16);
    ends.near.writer.write("STARTTLS\n");
    const auto calling = loop().create_task(ends.near.writer.start_tls(client_, options_));
    // The hello is longer than the limit allows.
    for (int tries = 0; tries < 10'000 && ends.far.writer.transport()->is_reading(); ++tries)
      co_await pause(1);
    EXPECT_FALSE(ends.far.writer.transport()->is_reading());
    co_await gives(ends.far.reader.readline(), "STARTTLS\n");
    auto serving = ends.far.writer.start_tls(server_);
    co_await std::move(serving);
    co_await calling;
    ends.far.writer.write("secret\n");
    co_await gives(ends.near.reader.readline(), "secret\n");
    ends.near.writer.write("and back\n");
    co_await gives(ends.far.reader.readline(), "and back\n");
  };
  run(talk());
}

TEST_F(StreamTls, T3_of_a_stream_that_was_cut_what_came_can_be_read_and_nothing_beyond_looks_like_its_end) {
  const auto talk = [&]() -> Task<> {
    const Ends ends = co_await connect_over(Carrier::tls);
    forget_ends();
    ends.far.writer.write("one line\nhalf a");
    co_await pause();
    ends.far.writer.transport()->abort();
    std::string cut;
    try {
      co_await ends.near.writer.wait_closed();
    } catch (const TlsError& error) {
      cut = error.what();
    }
    EXPECT_THAT(cut, ::testing::HasSubstr("close_notify"));
    co_await gives(ends.near.reader.readline(), "one line\n");
    const std::string line = co_await thrown_by(ends.near.reader.readline());
    EXPECT_EQ(line, cut);
    // Who has asked for more than there is has taken nothing, in whichever way.
    const std::string all = co_await thrown_by(ends.near.reader.read());
    EXPECT_EQ(all, cut);
    std::string memory(10, '?');
    std::string filled;
    try {
      co_await ends.near.reader.readexactly_into(MutableBytesView(memory.data(), memory.size()));
    } catch (const TlsError& error) {
      filled = error.what();
    }
    EXPECT_EQ(filled, cut);
    co_await gives(ends.near.reader.readexactly(6), "half a");
    const std::string rest = co_await thrown_by(ends.near.reader.read());
    EXPECT_EQ(rest, cut);
  };
  run(talk());
}

TEST_F(StreamTls, T6_an_upgrade_that_makes_no_sense_leaves_the_stream_as_it_was) {
  const auto talk = [&]() -> Task<> {
    const Ends ends = co_await connect_over(Carrier::tcp);
    ends.near.writer.write("first\nsecond\n");
    co_await gives(ends.far.reader.readline(), "first\n");
    StartTlsOptions nonsense;
    nonsense.server_hostname = "a server has none";
    bool refused = false;
    try {
      auto upgrading = ends.far.writer.start_tls(server_, nonsense);
      co_await std::move(upgrading);
    } catch (const std::invalid_argument&) {
      refused = true;
    }
    EXPECT_TRUE(refused);
    co_await gives(ends.far.reader.readline(), "second\n");
    ends.far.writer.write("unharmed\n");
    co_await gives(ends.near.reader.readline(), "unharmed\n");
  };
  run(talk());
}

TEST_F(StreamTls, T6_an_upgrade_that_takes_too_long_ends_the_stream_and_is_not_told_as_a_cancellation) {
  const auto talk = [&]() -> Task<> {
    const Ends ends = co_await connect_over(Carrier::tcp);
    forget_ends();
    bool late = false;
    try {
      auto upgrading = ends.far.writer.start_tls(server_);
      auto waiting = wait_for(std::move(upgrading), std::chrono::milliseconds(1));
      co_await std::move(waiting);
    } catch (const TimeoutError&) {
      late = true;
    }
    EXPECT_TRUE(late);
    auto ending = ends.far.writer.wait_closed();
    co_await std::move(ending);
    EXPECT_TRUE(ends.far.reader.at_eof());
  };
  run(talk());
}

}  // namespace
}  // namespace tidegate::streams_rig

#endif
