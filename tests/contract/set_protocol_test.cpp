// Changing the protocol of a connection: L8.
#include "contract/contract_test.hpp"

#include <string>
#include <vector>

namespace tidegate::contract {
namespace {

/// From the ground's kind of protocol to either kind. That only the present protocol is called is checked by
/// the trace.
class SetProtocol : public ContractTest {
 protected:
  static constexpr Receiver kKinds[] = {Receiver::plain, Receiver::buffered};

  /// Sends, and waits until the protocol of that number has received it.
  void expect_received_by(int protocol, const std::string& text) {
    const std::size_t before = here().received.size();
    peer().send(text);
    rig().run_until([&] { return here().received.size() >= before + text.size(); });
    EXPECT_EQ(here().received.substr(before), text);
    EXPECT_EQ(here().last_called(), protocol);
  }
};

TEST_P(SetProtocol, L8_the_new_protocol_gets_what_comes_next_and_no_connection_made) {
  for (const Receiver kind : kKinds) {
    connect_raw();
    expect_received_by(1, "for the first");
    here().switch_protocol(kind);
    expect_received_by(2, "for the second");
    EXPECT_EQ(here().made_count, 1);
    peer().close();
    run_until_lost();
    EXPECT_EQ(here().last_called(), 2);
  }
}

TEST_P(SetProtocol, L8_get_protocol_returns_it_at_once_and_the_old_one_is_let_go_of) {
  connect_raw();
  const std::weak_ptr<BaseProtocol> old = here().transport().get_protocol();
  const std::shared_ptr<BaseProtocol> fresh = here().switch_protocol(Receiver::buffered);
  EXPECT_EQ(here().transport().get_protocol(), fresh);
  rig().run_rounds(3);
  EXPECT_TRUE(old.expired());
  EXPECT_EQ(here().protocols_alive(), 1);
}

TEST_P(SetProtocol, L8_inside_connection_made) {
  for (const Receiver kind : kKinds) {
    connect_raw([&, kind] {
      here().on.connection_made = [&, kind] { here().switch_protocol(kind); };
      peer().send("early ");
    });
    rig().run_until([&] { return here().received == "early "; });
    expect_received_by(2, "and late");
  }
}

TEST_P(SetProtocol, L8_inside_the_callback_that_receives) {
  for (const Receiver kind : kKinds) {
    connect_raw([&] { here().buffer_size_bytes = 1000; });
    here().on.some_received = [&, kind] {
      here().on.some_received = nullptr;
      here().switch_protocol(kind);
    };
    // More than is received at once, so that the new one gets some of the same batch.
    const std::string sent = pattern(5000);
    peer().send(sent);
    rig().run_until([&] { return here().received.size() == sent.size(); });
    EXPECT_TRUE(is_pattern(here().received));
    expect_received_by(2, "for the second");
  }
}

TEST_P(SetProtocol, L8_back_and_forth_with_every_piece_received) {
  connect_raw([&] { here().buffer_size_bytes = 777; });
  int switches = 0;
  here().on.some_received = [&] {
    here().switch_protocol(++switches % 2 == 0 ? Receiver::plain : Receiver::buffered);
  };
  for (std::size_t offset = 0; offset < 20'000; offset += 1000) {
    peer().send(pattern(1000, offset));
    rig().run_rounds(1);
  }
  rig().run_until([&] { return here().received.size() == 20'000; });
  EXPECT_TRUE(is_pattern(here().received));
  if (!rig().ground().is_tls()) {  // which joins what came in several records
    EXPECT_GT(switches, 10);
  }
}

TEST_P(SetProtocol, L8_inside_get_buffer_the_new_protocol_receives_and_the_old_buffer_is_not_filled) {
  for (const Receiver kind : kKinds) {
    connect_raw();
    std::string old_memory(1000, '.');
    here().switch_protocol(Receiver::buffered);
    here().on.get_buffer = [&, kind](std::ptrdiff_t) {
      here().on.get_buffer = nullptr;
      here().switch_protocol(kind);
      return MutableBytesView(old_memory);
    };
    expect_received_by(3, "for the third");
    EXPECT_EQ(old_memory, std::string(1000, '.'));
  }
}

TEST_P(SetProtocol, L8_inside_eof_received) {
  for (const Receiver kind : kKinds) {
    for (const bool keeps_open : {false, true}) {
      connect_raw();
      here().on.eof_received = [&, kind, keeps_open] {
        here().switch_protocol(kind);
        return keeps_open;
      };
      peer().shutdown_write();
      rig().run_until([&] { return here().eof_count == 1; });
      if (keeps_open) here().close();
      run_until_lost();
      EXPECT_EQ(here().last_called(), 2);
      if (rig().ground().is_tls()) static_cast<void>(rig().take_warnings());
    }
  }
}

TEST_P(SetProtocol, L8_inside_pause_writing_and_resume_writing) {
  for (const Receiver kind : kKinds) {
    connect_raw();
    fill_kernel();
    here().on.pause_writing = [&, kind] { here().switch_protocol(kind); };
    here().on.resume_writing = [&, kind] {
      EXPECT_EQ(here().last_called(), 2);
      here().switch_protocol(kind);
    };
    here().set_limits({.high = 0});
    EXPECT_EQ(here().last_called(), 1);
    rig().run_until([&] {
      peer().receive();
      return here().resume_count == 1;
    });
    expect_received_by(3, "for the third");
  }
}

TEST_P(SetProtocol, L8_inside_connection_lost_nobody_else_is_called_and_both_are_let_go_of) {
  connect_raw();
  here().on.connection_lost = [&](const Error&) { here().switch_protocol(Receiver::plain); };
  peer().close();
  run_until_lost();
  rig().run_until_quiet();
  EXPECT_EQ(here().last_called(), 1);
  EXPECT_EQ(here().protocols_alive(), 0);
  EXPECT_EQ(here().transport().get_protocol(), nullptr);
}

TEST_P(SetProtocol, L8_between_close_and_connection_lost) {
  for (const Receiver kind : kKinds) {
    connect_raw();
    here().close();
    here().switch_protocol(kind);
    run_until_lost();
    EXPECT_EQ(here().last_called(), 2);
  }
}

TEST_P(SetProtocol, L8_R2_what_waited_comes_whole_to_a_new_protocol_with_little_memory_that_pauses) {
  connect_raw();
  here().pause_reading();
  const std::string sent = pattern(1000);
  peer().send(sent);
  rig().run_until_quiet();
  here().buffer_size_bytes = 300;
  here().switch_protocol(Receiver::buffered);
  here().on.some_received = [&] {
    here().pause_reading();
    loop().call_soon([&] { here().resume_reading(); });
  };
  here().resume_reading();
  rig().run_until([&] { return here().received.size() >= sent.size(); });
  EXPECT_EQ(here().received, sent);
  rig().run_rounds(3);  // the last resume_reading
}

TEST_P(SetProtocol, L8_R2_while_paused_the_new_protocol_gets_what_waited_with_the_end_of_file) {
  for (const Receiver kind : kKinds) {
    connect_raw();
    here().pause_reading();
    peer().send("waiting");
    peer().shutdown_write();
    rig().run_until_quiet();
    here().switch_protocol(kind);
    rig().run_until_quiet();
    EXPECT_EQ(here().received, "");
    here().resume_reading();
    run_until_lost();
    EXPECT_EQ(here().received, "waiting");
    EXPECT_EQ(here().eof_count, 1);
    EXPECT_EQ(here().last_called(), 2);
  }
}

TEST_P(SetProtocol, L8_the_old_protocol_stays_alive_while_its_callback_runs) {
  connect_raw();
  std::weak_ptr<BaseProtocol> old;
  bool alive = false;
  here().on.some_received = [&] {
    old = here().transport().get_protocol();
    here().switch_protocol(Receiver::plain);
    alive = !old.expired();
    here().on.some_received = nullptr;
  };
  peer().send("x");
  rig().run_until([&] { return here().received == "x"; });
  EXPECT_TRUE(alive);
  rig().run_rounds(3);
  EXPECT_TRUE(old.expired());
}

TEST_P(SetProtocol, L8_what_is_no_stream_protocol_is_refused_and_nothing_changes) {
  class NoStreamProtocol final : public BaseProtocol {};
  connect_raw();
  const auto before = here().transport().get_protocol();
  EXPECT_THROW(here().transport().set_protocol(nullptr), std::invalid_argument);
  EXPECT_THROW(here().transport().set_protocol(std::make_shared<NoStreamProtocol>()), std::invalid_argument);
  EXPECT_EQ(here().transport().get_protocol(), before);
  expect_received_by(1, "still the first");
}

INSTANTIATE_TEST_SUITE_P(Streams, SetProtocol, ::testing::ValuesIn(each_receiver()), name_of);

}  // namespace
}  // namespace tidegate::contract
