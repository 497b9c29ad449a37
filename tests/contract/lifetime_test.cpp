// How long descriptors, transports and protocols live: L9 and L10.
#include "contract/contract_test.hpp"

#include <any>
#include <cerrno>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

namespace tidegate::contract {
namespace {

class StreamLifetime : public ContractTest {
 protected:
  [[nodiscard]] static bool is_open(FileDescriptor descriptor) {
    return ::fcntl(descriptor.number, F_GETFD) >= 0;
  }

  /// Everything a program could do with a reference that it kept; none of it may do anything.
  void call_everything(const TransportRef& kept) {
    EXPECT_TRUE(kept->is_closing());
    EXPECT_FALSE(kept->is_reading());
    EXPECT_EQ(kept->get_write_buffer_size(), 0U);
    EXPECT_EQ(kept->get_protocol(), nullptr);
    EXPECT_FALSE(kept->socket().descriptor().valid());
    EXPECT_FALSE(kept->get_extra_info("socket").has_value());
    kept->pause_reading();
    kept->resume_reading();
    kept->write("ignored");
    kept->write(Chunk(std::string("ignored")));
    const BytesView pieces[] = {"ig", "nored"};
    kept->writelines(pieces);
    kept->close();
    kept->abort();
    kept->set_write_buffer_limits({.high = 1});
    EXPECT_EQ(kept->get_write_buffer_limits().high, 1U);
    kept->set_protocol(here().make_protocol(Receiver::plain));
    EXPECT_EQ(kept->can_write_eof(), !rig().ground().is_tls());
    if (kept->can_write_eof()) kept->write_eof();
  }
};

// --- L9 ------------------------------------------------------------------------------------------

TEST_P(StreamLifetime, L9_the_descriptor_is_usable_inside_connection_lost_and_closed_when_it_has_returned) {
  const std::function<void()> ways[] = {[&] { here().close(); }, [&] { here().abort(); },
                                        [&] { peer().close(); }, [&] { reset_by_peer(); }};
  for (const auto& end_it : ways) {
    connect_raw();
    const FileDescriptor before = here().transport().socket().descriptor();
    const Endpoint name = here().transport().sockname();
    const Endpoint peer_name = here().transport().peername();
    bool open_inside = false;
    bool open_afterwards = true;
    here().on.connection_lost = [&](const Error&) {
      Transport& transport = here().transport();
      open_inside = is_open(transport.socket().descriptor());
      EXPECT_EQ(transport.socket().descriptor(), before);
      EXPECT_EQ(std::any_cast<SocketView>(transport.get_extra_info("socket")).descriptor(), before);
      EXPECT_EQ(transport.socket().local_endpoint(), name);
      loop().call_soon([&, before] { open_afterwards = is_open(before); });
    };
    end_it();
    run_until_lost();
    rig().run_rounds(2);
    EXPECT_TRUE(open_inside);
    EXPECT_FALSE(open_afterwards);
    EXPECT_FALSE(here().transport().socket().descriptor().valid());
    EXPECT_FALSE(here().transport().get_extra_info("socket").has_value());
    EXPECT_EQ(here().transport().sockname(), name);
    EXPECT_EQ(here().transport().peername(), peer_name);
  }
}

TEST_P(StreamLifetime, L9_the_descriptor_stays_open_until_connection_lost_is_called) {
  connect_raw();
  const FileDescriptor before = here().transport().socket().descriptor();
  here().abort();
  EXPECT_TRUE(is_open(before));
  EXPECT_EQ(here().transport().socket().descriptor(), before);
  run_until_lost();
}

TEST_P(StreamLifetime, L9_a_descriptor_number_that_is_used_again_at_once_gets_its_own_callbacks_only) {
  connect_raw();
  TracedEnd& first = here();
  RawPeer& first_peer = peer();
  const FileDescriptor number = first.transport().socket().descriptor();
  first_peer.send("for nobody");
  first.abort();
  rig().run_until([&] { return first.lost(); });
  auto [ours, theirs] = Socket::pair();
  Socket& reusing = ours.descriptor() == number || theirs.descriptor() != number ? ours : theirs;
  RawPeer other((&reusing == &ours ? theirs : ours).release());
  TracedEnd& second = rig().make_end("second");
  const auto factory = [&] { return second.make_protocol(Receiver::plain); };
  loop().run_until_complete(loop().create_connection(factory, std::move(reusing)));
  EXPECT_EQ(second.transport().socket().descriptor(), number);
  first.close();
  first.abort();
  first.write("into the void");
  first.pause_reading();
  other.send("for the second");
  rig().run_until([&] { return second.received == "for the second"; });
  rig().run_until_quiet();
  EXPECT_FALSE(second.transport().is_closing());
  EXPECT_EQ(other.receive(), 0U);
}

// --- L10 -----------------------------------------------------------------------------------------

TEST_P(StreamLifetime, L10_dropping_the_last_reference_does_not_close) {
  connect_raw();
  here().drop();
  rig().run_until_quiet();
  peer().send("still there?");
  rig().run_until([&] { return here().received == "still there?"; });
  EXPECT_FALSE(peer().at_end());
  EXPECT_EQ(here().lost_count, 0);
  peer().close();
  run_until_lost();
  EXPECT_EQ(here().protocols_alive(), 0);
}

TEST_P(StreamLifetime, L10_what_is_buffered_leaves_also_after_the_last_reference_was_dropped) {
  connect_raw();
  const std::size_t written = fill_kernel();
  here().drop();
  rig().run_until([&] { return peer().has(written); });
  EXPECT_TRUE(is_pattern(peer().received));
}

TEST_P(StreamLifetime,
       L10_a_protocol_is_let_go_of_after_connection_lost_while_references_to_its_transport_are_kept) {
  connect_raw();
  const std::weak_ptr<BaseProtocol> protocol = here().transport().get_protocol();
  bool alive_inside = false;
  here().on.connection_lost = [&](const Error&) { alive_inside = !protocol.expired(); };
  peer().close();
  run_until_lost();
  rig().run_rounds(2);
  EXPECT_TRUE(alive_inside);
  EXPECT_TRUE(protocol.expired());
  call_everything(here().ref());
}

TEST_P(StreamLifetime, L10_closing_the_loop_reports_each_open_transport_and_closes_its_descriptor) {
  std::vector<const BaseTransport*> open;
  std::vector<RawPeer*> peers;
  for (int count = 0; count < 3; ++count) {
    connect_raw();
    open.push_back(here().ref().get());
    peers.push_back(&peer());
  }
  rig().close_loop();
  const std::vector<Report> reports = rig().take_reports();
  ASSERT_EQ(reports.size(), open.size());
  for (const Report& report : reports) {
    EXPECT_EQ(report.message, "unclosed transport");
    EXPECT_EQ(report.exception, nullptr);
    EXPECT_NE(report.protocol, nullptr);
    EXPECT_EQ(std::erase(open, report.transport), 1U);
  }
  for (RawPeer* raw : peers) EXPECT_TRUE(raw->at_end());
  EXPECT_EQ(here().protocols_alive(), 0);
}

TEST_P(StreamLifetime, L10_closing_the_loop_releases_transports_in_whatever_state_they_are) {
  const std::pair<const char*, std::function<void()>> states[] = {
      {"full", [&] { fill_kernel(); }},
      {"flushing", [&] { fill_kernel(), here().close(); }},
      {"paused", [&] { here().pause_reading(), peer().send("waiting"), rig().run_until_quiet(); }},
      {"half closed",
       [&] { here().transport().can_write_eof() ? here().write_eof() : peer().shutdown_write(); }},
      {"aborted", [&] { here().abort(); }},
      {"aborted while full", [&] { fill_kernel(), here().abort(); }},
      {"closed", [&] { here().close(); }},
      {"reset", [&] { peer().reset(); }},
      {"dropped", [&] { here().drop(); }},
      {"with data", [&] { peer().send("unread"); }},
      {"after its end of file", [&] { peer().shutdown_write(), rig().run_until_quiet(); }},
  };
  for (const auto& [name, bring_about] : states) {
    SCOPED_TRACE(name);
    connect_raw([&] { here().keep_open_after_eof = !rig().ground().is_tls(); });
    bring_about();
  }
  rig().close_loop();
  for (const Report& report : rig().take_reports()) EXPECT_EQ(report.message, "unclosed transport");
}

TEST_P(StreamLifetime, L10_an_exception_handler_may_end_the_transport_that_is_reported_as_unclosed) {
  const std::pair<const char*, std::function<void()>> states[] = {
      {"idle", [&] { rig().run_rounds(2); }},
      {"full", [&] { fill_kernel(); }},
      {"paused", [&] { here().pause_reading(); }},
      {"never read", [&] { rig().run_rounds(1); }},
      {"flushing", [&] { fill_kernel(), here().close(); }},
  };
  for (const auto& [name, bring_about] : states) {
    connect_raw([&, name = name] {
      if (std::string_view(name) == "never read") {
        here().on.connection_made = [&] { here().pause_reading(); };
      }
    });
    bring_about();
    here().drop();
  }
  int reports = 0;
  loop().set_exception_handler([&](Loop&, const ExceptionContext& context) {
    auto* transport = dynamic_cast<Transport*>(context.transport);
    ASSERT_NE(transport, nullptr);
    ++reports % 2 == 0 ? transport->abort() : transport->close();
    transport->write("too late");
  });
  rig().close_loop();
  EXPECT_EQ(reports, 5);
}

TEST_P(StreamLifetime, L10_references_can_be_called_after_the_loop_was_closed_and_destroyed) {
  connect_raw();
  fill_kernel();
  const TransportRef kept = here().ref();
  rig().close_loop();
  EXPECT_EQ(rig().take_report().message, "unclosed transport");
  call_everything(kept);
  rig().destroy_loop();
  call_everything(kept);
  static_cast<void>(rig().take_warnings());
}

TEST_P(StreamLifetime, L10_a_connection_whose_protocol_was_not_told_of_it_yet_is_released_too) {
  if (rig().ground().side == Side::connecting)
    GTEST_SKIP() << "the connecting call waits for connection_made";
  if (rig().ground().carrier == Carrier::socket_pair) GTEST_SKIP() << "not accepted by a server";
  TracedEnd& end = rig().make_end("never told");
  RawPeer* arrived = nullptr;
  bool asked = false;
  rig().connect_raw_to(
      [&] {
        asked = true;
        return end.make_protocol(Receiver::plain);
      },
      [&](RawPeer& raw) { arrived = &raw; }, [] { return true; });
  for (int rounds = 0; !asked && rounds < 1000; ++rounds) rig().run_rounds(1);
  rig().close_loop();
  for (const Report& report : rig().take_reports())
    EXPECT_THAT(report.message, ::testing::HasSubstr("unclosed"));
  EXPECT_TRUE(arrived->at_end());
  EXPECT_EQ(end.protocols_alive(), 0);
}

/// Has the last word on its connection when nobody needs it any more.
class ClosesInTheEnd final : public Protocol {
 public:
  explicit ClosesInTheEnd(bool aborts) : aborts_(aborts) {}
  ~ClosesInTheEnd() override {
    if (!transport_) return;
    transport_->write("too late");
    aborts_ ? transport_->abort() : transport_->close();
  }
  void connection_made(TransportRef transport) override { transport_ = std::move(transport); }
  [[nodiscard]] bool made() const { return static_cast<bool>(transport_); }

 private:
  TransportRef transport_;
  bool aborts_;
};

TEST_P(StreamLifetime, L10_a_protocol_may_close_its_transport_from_its_destructor_while_the_loop_closes) {
  for (const bool aborts : {false, true}) {
    std::weak_ptr<ClosesInTheEnd> made;
    rig().connect_raw_to(
        [&] {
          auto protocol = std::make_shared<ClosesInTheEnd>(aborts);
          made = protocol;
          return protocol;
        },
        {},
        [&] {
          const auto protocol = made.lock();
          return protocol != nullptr && protocol->made();
        });
  }
  rig().close_loop();
  EXPECT_THAT(rig().take_reports(), ::testing::SizeIs(2));
  static_cast<void>(rig().take_warnings());
}

INSTANTIATE_TEST_SUITE_P(Streams, StreamLifetime, ::testing::ValuesIn(each_side()), name_of);

}  // namespace
}  // namespace tidegate::contract
