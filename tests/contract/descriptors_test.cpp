// Descriptors that the program watches (add_reader, add_writer), and those of the library, which no child may
// inherit (E6).
#include <tidegate/tidegate.hpp>

#include "contract/loop_rig.hpp"

#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tidegate {
namespace {

using namespace std::chrono_literals;
using loop_rig::LoopTest;
using loop_rig::make_pipe;
using testing::ElementsAre;
using testing::HasSubstr;

void write_to(const OwnedFileDescriptor& descriptor, std::string_view text) {
  ASSERT_EQ(::write(descriptor.get().number, text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

std::string read_from(FileDescriptor descriptor) {
  char memory[256];
  const ssize_t count = ::read(descriptor.number, memory, sizeof memory);
  return count > 0 ? std::string(memory, static_cast<std::size_t>(count)) : std::string();
}

class Descriptors : public LoopTest {};

TEST_F(Descriptors, a_reader_is_called_in_every_iteration_in_which_there_is_something_to_read) {
  auto [reader, writer] = make_pipe();
  int calls = 0;
  loop().add_reader(reader.get(), [&] { ++calls; });
  turns(3);
  EXPECT_EQ(calls, 0);
  write_to(writer, "x");
  turns(3);
  EXPECT_EQ(calls, 3) << "level-triggered: nobody has read it";
  EXPECT_EQ(read_from(reader.get()), "x");
  turns(3);
  EXPECT_EQ(calls, 3);
  EXPECT_TRUE(loop().remove_reader(reader.get()));
  write_to(writer, "y");
  turns(3);
  EXPECT_EQ(calls, 3);
  EXPECT_FALSE(loop().remove_reader(reader.get()));
}

TEST_F(Descriptors, a_reader_hears_of_the_end_of_file) {
  auto [reader, writer] = make_pipe();
  std::string read = "nothing";
  loop().add_reader(reader.get(), [&, descriptor = reader.get()] {
    read = read_from(descriptor);
    loop().remove_reader(descriptor);
  });
  writer.reset();
  EXPECT_TRUE(run_until([&] { return read.empty(); }));
}

TEST_F(Descriptors, a_writer_is_called_when_there_is_room) {
  auto [reader, writer] = make_pipe();
  const std::string block(65'536, 'w');
  while (::write(writer.get().number, block.data(), block.size()) > 0) {
  }
  int calls = 0;
  loop().add_writer(writer.get(), [&] { ++calls; });
  turns(3);
  EXPECT_EQ(calls, 0);
  std::string taken(65'536, ' ');
  while (::read(reader.get().number, taken.data(), taken.size()) > 0) {
  }
  turns(1);
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(loop().remove_writer(writer.get()));
  turns(2);
  EXPECT_EQ(calls, 1);
  EXPECT_FALSE(loop().remove_writer(writer.get()));
}

TEST_F(Descriptors, a_writer_hears_that_the_reader_went_away) {
  auto [reader, writer] = make_pipe();
  const std::string block(65'536, 'w');
  while (::write(writer.get().number, block.data(), block.size()) > 0) {
  }
  bool called = false;
  loop().add_writer(writer.get(), [&, descriptor = writer.get()] {
    called = true;
    loop().remove_writer(descriptor);
  });
  reader.reset();
  EXPECT_TRUE(run_until([&] { return called; }));
}

TEST_F(Descriptors, both_directions_of_a_socket_are_watched_on_their_own) {
  auto [own, other] = Socket::pair();
  int reads = 0;
  int writes = 0;
  loop().add_reader(own.descriptor(), [&] { ++reads; });
  loop().add_writer(own.descriptor(), [&] { ++writes; });
  turns(2);
  EXPECT_EQ(reads, 0);
  EXPECT_EQ(writes, 2);
  ASSERT_EQ(::send(other.descriptor().number, "x", 1, 0), 1);
  turn();
  EXPECT_EQ(reads, 1);
  EXPECT_EQ(writes, 3);
  EXPECT_TRUE(loop().remove_writer(own.descriptor()));
  turn();
  EXPECT_EQ(reads, 2);
  EXPECT_EQ(writes, 3);
  loop().add_writer(own.descriptor(), [&] { ++writes; });
  EXPECT_TRUE(loop().remove_reader(own.descriptor()));
  turn();
  EXPECT_EQ(reads, 2);
  EXPECT_EQ(writes, 4);
  EXPECT_TRUE(loop().remove_writer(own.descriptor()));
}

TEST_F(Descriptors, a_new_reader_replaces_the_old_one) {
  auto [reader, writer] = make_pipe();
  std::vector<std::string> ran;
  auto held = std::make_shared<int>(1);
  loop().add_reader(reader.get(), [&ran, held] { ran.emplace_back("old"); });
  loop().add_reader(reader.get(), [&ran] { ran.emplace_back("new"); });
  write_to(writer, "x");
  turns(1);
  EXPECT_THAT(ran, ElementsAre("new"));
  EXPECT_EQ(held.use_count(), 1);
  loop().remove_reader(reader.get());
}

TEST_F(Descriptors, a_callback_may_remove_itself) {
  auto [reader, writer] = make_pipe();
  auto held = std::make_shared<std::string>("alive");
  std::string seen;
  loop().add_reader(reader.get(), [&, held, descriptor = reader.get()] {
    EXPECT_TRUE(loop().remove_reader(descriptor));
    seen += *held;  // what it captured outlasts the call
  });
  write_to(writer, "x");
  turns(3);
  EXPECT_EQ(seen, "alive");
  EXPECT_EQ(held.use_count(), 1);
}

TEST_F(Descriptors, a_callback_may_replace_itself) {
  auto [reader, writer] = make_pipe();
  auto held = std::make_shared<std::string>("alive");
  std::string seen;
  int later = 0;
  loop().add_reader(reader.get(), [&, held, descriptor = reader.get()] {
    loop().add_reader(descriptor, [&later] { ++later; });
    seen += *held;
  });
  write_to(writer, "x");
  turn();
  EXPECT_EQ(seen, "alive");
  turns(2);
  EXPECT_EQ(later, 2);
  EXPECT_EQ(held.use_count(), 1);
  loop().remove_reader(reader.get());
}

TEST_F(Descriptors, a_reader_may_remove_the_writer_of_the_same_descriptor_while_both_are_ready) {
  auto [own, other] = Socket::pair();
  ASSERT_EQ(::send(other.descriptor().number, "x", 1, 0), 1);
  std::vector<std::string> ran;
  loop().add_reader(own.descriptor(), [&, descriptor = own.descriptor()] {
    ran.emplace_back("reader");
    loop().remove_writer(descriptor);
    loop().remove_reader(descriptor);
  });
  loop().add_writer(own.descriptor(), [&] { ran.emplace_back("writer"); });
  turns(3);
  EXPECT_THAT(ran, ElementsAre("reader"));
}

TEST_F(Descriptors, a_callback_may_remove_and_close_another_descriptor_that_is_ready_too) {
  auto [first_reader, first_writer] = make_pipe();
  auto [second_reader, second_writer] = make_pipe();
  write_to(first_writer, "x");
  write_to(second_writer, "x");
  int calls = 0;
  const FileDescriptor first = first_reader.get();
  const FileDescriptor second = second_reader.get();
  const auto end_both = [&, first, second] {
    ++calls;
    loop().remove_reader(first);
    loop().remove_reader(second);
    first_reader.reset();
    second_reader.reset();
  };
  loop().add_reader(first, end_both);
  loop().add_reader(second, end_both);
  turns(3);
  EXPECT_EQ(calls, 1) << "what was removed is not called any more, not even in the same iteration";
}

TEST_F(Descriptors, L9_a_number_that_is_watched_anew_hears_nothing_of_what_had_it_before) {
  auto [first_reader, first_writer] = make_pipe();
  auto [second_reader, second_writer] = make_pipe();
  auto [fresh_reader, fresh_writer] = make_pipe();
  write_to(first_writer, "x");
  write_to(second_writer, "x");
  const FileDescriptor first = first_reader.get();
  const FileDescriptor second = second_reader.get();
  int replaced = 0;
  int told = 0;
  // Whichever is told first gives the number of the other one, which is ready as well, to a pipe that is
  // empty.
  const auto replace = [&](FileDescriptor mine, FileDescriptor others) {
    ++replaced;
    loop().remove_reader(mine);
    loop().remove_reader(others);
    ASSERT_EQ(::dup3(fresh_reader.get().number, others.number, O_CLOEXEC), others.number);
    loop().add_reader(others, [&] { ++told; });
  };
  loop().add_reader(first, [&, first, second] { replace(first, second); });
  loop().add_reader(second, [&, first, second] { replace(second, first); });
  turns(3);
  EXPECT_EQ(replaced, 1);
  EXPECT_EQ(told, 0) << "that was for the last owner of the number";
  write_to(fresh_writer, "x");
  EXPECT_TRUE(run_until([&] { return told > 0; }));
}

TEST_F(Descriptors, a_callback_that_throws_is_reported_and_stays) {
  auto [reader, writer] = make_pipe();
  loop().add_reader(reader.get(), [] { throw std::runtime_error("from a reader"); });
  write_to(writer, "x");
  turns(2);
  const auto reports = take_reports();
  ASSERT_EQ(reports.size(), 2U);
  EXPECT_EQ(describe(reports[0].exception), "from a reader");
  EXPECT_TRUE(loop().remove_reader(reader.get()));
}

TEST_F(Descriptors, a_regular_file_is_refused) {
  std::FILE* file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  const FileDescriptor descriptor{::fileno(file)};
  auto held = std::make_shared<int>(1);
  EXPECT_THROW(loop().add_reader(descriptor, [held] {}), OsError);
  EXPECT_THROW(loop().add_writer(descriptor, [held] {}), OsError);
  turns(2);
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_FALSE(loop().remove_reader(descriptor));
  EXPECT_NE(::fcntl(descriptor.number, F_GETFD), -1) << "it stays the caller's, open";
  std::fclose(file);
}

TEST_F(Descriptors, numbers_that_name_nothing_are_refused) {
  EXPECT_THROW(loop().add_reader(FileDescriptor{-1}, [] {}), std::invalid_argument);
  auto [reader, writer] = make_pipe();
  const FileDescriptor gone = reader.get();
  reader.reset();
  EXPECT_THROW(loop().add_reader(gone, [] {}), OsError);
  EXPECT_FALSE(loop().remove_reader(gone));
  EXPECT_FALSE(loop().remove_reader(FileDescriptor{-1}));
  EXPECT_FALSE(loop().remove_writer(FileDescriptor{900'000}));
}

/// Or a slot for each number below it would be made.
TEST_F(Descriptors, a_number_far_beyond_all_that_are_open_is_refused_and_costs_nothing) {
  constexpr FileDescriptor kFarOff{(1 << 30) - 1};
  EXPECT_THROW(loop().add_reader(kFarOff, [] {}), OsError);
  EXPECT_THROW(loop().add_writer(kFarOff, [] {}), OsError);
  EXPECT_FALSE(loop().remove_reader(kFarOff));
}

TEST_F(Descriptors, what_a_transport_owns_is_refused) {
  auto [own, other] = Socket::pair();
  auto connection =
      run(loop().create_connection([] { return std::make_unique<loop_rig::Echo>(); }, std::move(own)));
  const FileDescriptor descriptor = connection.transport->socket().descriptor();
  EXPECT_THAT(loop_rig::thrown_text<InvalidStateError>([&] { loop().add_reader(descriptor, [] {}); }),
              HasSubstr("used by a transport"));
  EXPECT_THROW(loop().add_writer(descriptor, [] {}), InvalidStateError);
  connection.transport->abort();
  turns(2);
}

TEST_F(Descriptors, what_a_server_owns_is_refused) {
  Server server =
      run(loop().create_server([] { return std::make_unique<loop_rig::Echo>(); }, "127.0.0.1", 0));
  EXPECT_THROW(loop().add_reader(server.sockets()[0].descriptor(), [] {}), InvalidStateError);
  server.close();
  turns(2);
}

// --- numbers that are reused -------------------------------------------------------------------------------

TEST_F(Descriptors, a_number_that_was_closed_and_reused_without_remove_reader_can_be_watched_again) {
  auto [first_reader, first_writer] = make_pipe();
  const int number = first_reader.get().number;
  int old_calls = 0;
  loop().add_reader(first_reader.get(), [&] { ++old_calls; });
  first_reader.reset();
  auto [second_reader, second_writer] = make_pipe();
  ASSERT_EQ(second_reader.get().number, number) << "the kernel gives out the lowest free number";
  int new_calls = 0;
  loop().add_reader(second_reader.get(), [&] { ++new_calls; });
  write_to(second_writer, "x");
  turns(2);
  EXPECT_EQ(old_calls, 0);
  EXPECT_EQ(new_calls, 2);
  EXPECT_TRUE(loop().remove_reader(second_reader.get()));
}

TEST_F(Descriptors, the_other_direction_of_a_reused_number_works_too) {
  auto first = Socket::pair();
  const int number = first.first.descriptor().number;
  loop().add_reader(first.first.descriptor(), [] {});
  first.first.close();
  auto second = Socket::pair();
  ASSERT_EQ(second.first.descriptor().number, number);
  int writes = 0;
  loop().add_writer(second.first.descriptor(), [&] { ++writes; });
  turns(2);
  EXPECT_EQ(writes, 2);
  loop().remove_writer(second.first.descriptor());
  loop().remove_reader(second.first.descriptor());
}

TEST_F(Descriptors, a_number_that_was_closed_without_remove_reader_can_become_a_transports) {
  const loop_rig::LogCapture log;  // it may be warned about
  auto watched = Socket::pair();
  const int number = watched.first.descriptor().number;
  auto held = std::make_shared<int>(1);
  int stray_calls = 0;
  loop().add_reader(watched.first.descriptor(), [&stray_calls, held] { ++stray_calls; });
  loop().add_writer(watched.first.descriptor(), [&stray_calls, held] { ++stray_calls; });
  watched.first.close();
  auto [own, other] = Socket::pair();
  ASSERT_EQ(own.descriptor().number, number);
  auto recorder = std::make_shared<loop_rig::Recorder>();
  auto connection = run(loop().create_connection([&] { return recorder; }, std::move(own)));
  ASSERT_EQ(::send(other.descriptor().number, "hello", 5, 0), 5);
  EXPECT_TRUE(run_until([&] { return recorder->received == "hello"; }));
  EXPECT_EQ(stray_calls, 0);
  // Letting go of the old watches late must not touch the connection.
  loop().remove_reader(FileDescriptor{number});
  loop().remove_writer(FileDescriptor{number});
  turns(2);
  EXPECT_EQ(held.use_count(), 1);
  ASSERT_EQ(::send(other.descriptor().number, " again", 6, 0), 6);
  EXPECT_TRUE(run_until([&] { return recorder->received == "hello again"; }));
  connection.transport->abort();
  turns(2);
}

TEST_F(Descriptors, a_watch_that_was_forgotten_ends_with_the_loop) {
  const loop_rig::LogCapture log;
  auto watched = Socket::pair();
  const int number = watched.first.descriptor().number;
  auto held = std::make_shared<int>(1);
  loop().add_reader(watched.first.descriptor(), [held] {});
  watched.first.close();
  auto [own, other] = Socket::pair();
  ASSERT_EQ(own.descriptor().number, number);
  auto connection =
      run(loop().create_connection([] { return std::make_unique<loop_rig::Echo>(); }, std::move(own)));
  connection.transport->abort();
  turns(2);
  connection = {};
  loop().close();
  EXPECT_EQ(held.use_count(), 1);
}

TEST_F(Descriptors, a_duplicate_that_stays_open_does_not_report_for_ever) {
  auto [reader, writer] = make_pipe();
  const OwnedFileDescriptor duplicate(FileDescriptor{::fcntl(reader.get().number, F_DUPFD_CLOEXEC, 0)});
  int calls = 0;
  loop().add_reader(reader.get(), [&] { ++calls; });
  write_to(writer, "x");
  turn();
  EXPECT_EQ(calls, 1);
  loop().remove_reader(reader.get());
  reader.reset();
  // Should the registration have survived, the loop would wake for it instead of sleeping until the timer.
  int iterations = 0;
  bool done = false;
  std::function<void()> after_sleep = [&] { done = true; };
  loop().call_later(20ms, after_sleep);
  while (!done && ++iterations < 10'000) {
    loop().call_later(10ms, [&] { loop().stop(); });
    loop().run_forever();
  }
  EXPECT_LT(iterations, 100);
  EXPECT_EQ(calls, 1);
}

TEST_F(Descriptors, watches_end_with_the_loop_and_the_descriptors_stay_open) {
  auto [reader, writer] = make_pipe();
  auto held = std::make_shared<int>(1);
  loop().add_reader(reader.get(), [held] {});
  loop().add_writer(writer.get(), [held] {});
  loop().close();
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_NE(::fcntl(reader.get().number, F_GETFD), -1);
  EXPECT_NE(::fcntl(writer.get().number, F_GETFD), -1);
}

TEST_F(Descriptors, several_hundred_are_watched_at_once) {
  std::vector<std::pair<OwnedFileDescriptor, OwnedFileDescriptor>> pipes;
  std::vector<int> calls(300, 0);
  for (std::size_t index = 0; index < calls.size(); ++index) {
    pipes.push_back(make_pipe());
    loop().add_reader(pipes[index].first.get(), [&, index] {
      ++calls[index];
      read_from(pipes[index].first.get());
    });
  }
  for (auto& [reader, writer] : pipes) write_to(writer, "x");
  turns(40);  // a kernel may tell of some of them at a time
  EXPECT_THAT(calls, testing::Each(1));
  for (auto& [reader, writer] : pipes) loop().remove_reader(reader.get());
}

// --- E6: nothing is inherited ------------------------------------------------------------------------------

class CloseOnExec_E6 : public LoopTest {
 protected:
  void SetUp() override {
    before_ = loop_rig::open_descriptors();
    LoopTest::SetUp();
  }

  /// Every descriptor that was opened since the test began and that a child would inherit.
  [[nodiscard]] std::vector<int> inheritable() const {
    std::vector<int> found;
    for (const int number : loop_rig::open_descriptors()) {
      if (before_.contains(number)) continue;
      const int flags = ::fcntl(number, F_GETFD);
      if (flags != -1 && (flags & FD_CLOEXEC) == 0) found.push_back(number);
    }
    return found;
  }

 private:
  std::set<int> before_;
};

TEST_F(CloseOnExec_E6, holds_for_every_descriptor_of_loop_servers_connections_and_executor) {
  auto echo = [] { return std::make_unique<loop_rig::Echo>(); };
  const std::string name = "@tidegate-close-on-exec-" + std::to_string(::getpid());
  Server tcp = run(loop().create_server(echo, "", 0));
  Server unix_server = run(loop().create_unix_server(echo, name));
  auto over_tcp = run(loop().create_connection(echo, "127.0.0.1", tcp.endpoints()[0].port()));
  auto over_unix = run(loop().create_unix_connection(echo, name));
  static_cast<void>(run(loop().getaddrinfo("localhost", 80)));
  loop().add_signal_handler(SIGUSR1, [] {});
  turns(5);
  EXPECT_GE(loop_rig::open_descriptors().size(), 8U);
  EXPECT_THAT(inheritable(), testing::IsEmpty());
  over_tcp.transport->abort();
  over_unix.transport->abort();
  tcp.abort_clients();
  unix_server.abort_clients();
  tcp.close();
  unix_server.close();
  turns(4);
}

TEST_F(CloseOnExec_E6, holds_for_sockets_that_are_handed_over) {
  int numbers[2] = {-1, -1};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, numbers), 0);  // neither close-on-exec nor non-blocking
  const OwnedFileDescriptor other(FileDescriptor{numbers[1]});
  Socket handed(OwnedFileDescriptor(FileDescriptor{numbers[0]}));
  auto connection =
      run(loop().create_connection([] { return std::make_unique<loop_rig::Echo>(); }, std::move(handed)));
  EXPECT_NE(::fcntl(numbers[0], F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_NE(::fcntl(numbers[0], F_GETFL) & O_NONBLOCK, 0);
  connection.transport->abort();
  turns(2);

  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  const Socket bound{OwnedFileDescriptor(FileDescriptor{listener})};
  bound.bind(*Endpoint::from_numeric_host("127.0.0.1", 0));
  Socket moved{OwnedFileDescriptor(FileDescriptor{::fcntl(listener, F_DUPFD, 0)})};
  const int number = moved.descriptor().number;
  Server server =
      run(loop().create_server([] { return std::make_unique<loop_rig::Echo>(); }, std::move(moved)));
  EXPECT_NE(::fcntl(number, F_GETFD) & FD_CLOEXEC, 0);
  server.close();
  turns(2);
}

}  // namespace
}  // namespace tidegate
