// Unix servers and clients (C4): paths, abstract names, and what becomes of the socket files.
#include <tidegate/tidegate.hpp>

#include "contract/loop_rig.hpp"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <sys/socket.h>

namespace tidegate {
namespace {

using namespace std::chrono_literals;
using loop_rig::Echo;
using loop_rig::open_descriptors;
using loop_rig::raw_connect;
using loop_rig::raw_send;
using loop_rig::Recorder;
using loop_rig::Recorders;
using testing::HasSubstr;

auto echo() {
  return [] { return std::make_unique<Echo>(); };
}

class UnixSockets_C4 : public loop_rig::LoopTest {
 protected:
  void SetUp() override {
    LoopTest::SetUp();
    std::string pattern = (std::filesystem::temp_directory_path() / "tidegate-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override {
    LoopTest::TearDown();
    std::filesystem::remove_all(folder_);
  }

  [[nodiscard]] std::string path(const std::string& name = "socket") const {
    return (folder_ / name).string();
  }

  void end(Server& server) {
    server.abort_clients();
    server.close();
    run(server.wait_closed());
  }

  Recorders recorders;

 private:
  std::filesystem::path folder_;
};

TEST_F(UnixSockets_C4, a_server_and_a_client_meet_at_a_path) {
  Server server = run(loop().create_unix_server(recorders.factory(), path()));
  ASSERT_EQ(server.endpoints().size(), 1U);
  EXPECT_EQ(server.endpoints()[0], Endpoint::unix_path(path()));
  auto client = run(loop().create_unix_connection([] { return std::make_shared<Recorder>(); }, path()));
  EXPECT_EQ(client.transport->peername(), Endpoint::unix_path(path()));
  client.transport->write("hello");
  EXPECT_TRUE(run_until([&] { return !recorders.all.empty() && recorders.all[0]->received == "hello"; }));
  EXPECT_EQ(recorders.all[0]->transport->peername(), Endpoint::unix_unnamed());
  recorders.all[0]->transport->write("back");
  EXPECT_TRUE(run_until([&] { return client.protocol->received == "back"; }));
  client.transport->close();
  EXPECT_TRUE(run_until([&] { return recorders.all[0]->lost && client.protocol->lost; }));
  end(server);
}

TEST_F(UnixSockets_C4, a_server_and_a_client_meet_at_an_abstract_name) {
  const std::string name = "@tidegate-test-" + std::to_string(::getpid());
  Server server = run(loop().create_unix_server(echo(), name));
  EXPECT_TRUE(server.endpoints()[0].is_abstract());
  auto client = run(loop().create_unix_connection([] { return std::make_shared<Recorder>(); }, name));
  client.transport->write("hello");
  EXPECT_TRUE(run_until([&] { return client.protocol->received == "hello"; }));
  client.transport->abort();
  // A name that is in use is refused.
  EXPECT_THROW(static_cast<void>(run(loop().create_unix_server(echo(), name))), OsError);
  end(server);
  Server again = run(loop().create_unix_server(echo(), name));
  end(again);
}

TEST_F(UnixSockets_C4, a_path_that_is_too_long_or_empty_is_refused) {
  const std::string long_path(200, 'p');
  EXPECT_THROW(static_cast<void>(run(loop().create_unix_server(echo(), long_path))), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(run(loop().create_unix_connection(echo(), long_path))),
               std::invalid_argument);
  EXPECT_THROW(static_cast<void>(run(loop().create_unix_server(echo(), ""))), std::invalid_argument);
}

TEST_F(UnixSockets_C4, a_stale_socket_file_is_replaced) {
  {
    Socket socket = Socket::stream(AddressFamily::unix_domain);
    socket.bind(Endpoint::unix_path(path()));
    socket.listen(1);
  }  // closed, and the file stays: nobody answers there
  ASSERT_TRUE(std::filesystem::exists(path()));
  Server server = run(loop().create_unix_server(echo(), path()));
  EXPECT_TRUE(raw_connect(Endpoint::unix_path(path())).valid());
  end(server);
}

TEST_F(UnixSockets_C4, a_live_servers_file_is_not_replaced) {
  Server first = run(loop().create_unix_server(recorders.factory(), path()));
  const auto before = open_descriptors();
  try {
    static_cast<void>(run(loop().create_unix_server(echo(), path())));
    ADD_FAILURE() << "two servers at one path";
  } catch (const OsError& error) {
    EXPECT_EQ(error.code(), std::errc::address_in_use);
    EXPECT_THAT(error.what(), HasSubstr(path()));
  }
  EXPECT_TRUE(std::filesystem::exists(path()));
  EXPECT_TRUE(run_until([&] { return open_descriptors() == before; }, 2s));
  auto client = run(loop().create_unix_connection(echo(), path()));
  client.transport->abort();
  end(first);
}

TEST_F(UnixSockets_C4, a_live_server_with_a_full_queue_is_not_replaced_either) {
  Socket socket = Socket::stream(AddressFamily::unix_domain);
  socket.bind(Endpoint::unix_path(path()));
  socket.listen(1);
  std::vector<OwnedFileDescriptor> clients;
  const net::SocketAddress address = net::to_sockaddr(Endpoint::unix_path(path()));
  for (;;) {
    OwnedFileDescriptor client(
        FileDescriptor{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)});
    if (::connect(client.get().number, address.get(), address.length) != 0) break;
    clients.push_back(std::move(client));
  }
  EXPECT_THROW(static_cast<void>(run(loop().create_unix_server(echo(), path()))), OsError);
  EXPECT_TRUE(std::filesystem::exists(path()));
}

TEST_F(UnixSockets_C4, what_is_not_a_socket_is_left_alone) {
  std::ofstream(path("file")) << "precious";
  std::filesystem::create_directory(path("folder"));
  for (const char* name : {"file", "folder"}) {
    EXPECT_THROW(static_cast<void>(run(loop().create_unix_server(echo(), path(name)))), OsError);
    EXPECT_TRUE(std::filesystem::exists(path(name)));
  }
  std::string text;
  std::ifstream(path("file")) >> text;
  EXPECT_EQ(text, "precious");
}

TEST_F(UnixSockets_C4, a_missing_folder_fails_with_its_name) {
  EXPECT_THAT(loop_rig::thrown_text<OsError>(
                  [&] { static_cast<void>(run(loop().create_unix_server(echo(), path("missing/socket")))); }),
              HasSubstr("missing/socket"));
}

TEST_F(UnixSockets_C4, closing_removes_the_file_and_leaves_connections) {
  Server server = run(loop().create_unix_server(recorders.factory(), path()));
  const auto client = raw_connect(Endpoint::unix_path(path()));
  ASSERT_TRUE(run_until([&] { return recorders.made_count() == 1; }));
  server.close();
  EXPECT_FALSE(std::filesystem::exists(path()));
  raw_send(client, "still");
  EXPECT_TRUE(run_until([&] { return recorders.all[0]->received == "still"; }));
  server.abort_clients();
  run(server.wait_closed());
}

TEST_F(UnixSockets_C4, closing_the_loop_removes_the_file) {
  {
    Loop other;
    auto make = echo();
    Server server = other.run_until_complete(other.create_unix_server(make, path()));
    EXPECT_TRUE(std::filesystem::exists(path()));
  }
  EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(UnixSockets_C4, the_file_stays_where_that_is_wanted) {
  Server server = run(loop().create_unix_server(echo(), path(), {.cleanup_socket = false}));
  end(server);
  EXPECT_TRUE(std::filesystem::exists(path()));
}

TEST_F(UnixSockets_C4, another_servers_file_at_the_same_path_is_not_removed) {
  Server first = run(loop().create_unix_server(echo(), path()));
  std::filesystem::remove(path());  // somebody makes room for a successor
  Server second = run(loop().create_unix_server(echo(), path()));
  first.close();
  EXPECT_TRUE(std::filesystem::exists(path())) << "it is the second's";
  EXPECT_TRUE(raw_connect(Endpoint::unix_path(path())).valid());
  end(first);
  end(second);
  EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(UnixSockets_C4, a_file_that_was_removed_meanwhile_is_no_problem) {
  Server server = run(loop().create_unix_server(echo(), path()));
  std::filesystem::remove(path());
  end(server);
}

TEST_F(UnixSockets_C4, connecting_to_nobody_fails_with_the_path) {
  try {
    static_cast<void>(run(loop().create_unix_connection(echo(), path())));
    ADD_FAILURE() << "it was connected";
  } catch (const ConnectError& error) {
    EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);
    EXPECT_THAT(error.what(), HasSubstr(path()));
  }
  {
    Socket socket = Socket::stream(AddressFamily::unix_domain);
    socket.bind(Endpoint::unix_path(path()));
  }
  try {
    static_cast<void>(run(loop().create_unix_connection(echo(), path())));
    ADD_FAILURE() << "it was connected";
  } catch (const ConnectError& error) {
    EXPECT_EQ(error.code(), std::errc::connection_refused);
  }
}

TEST_F(UnixSockets_C4, connecting_to_a_full_queue_waits_for_room) {
  Socket socket = Socket::stream(AddressFamily::unix_domain);
  socket.bind(Endpoint::unix_path(path()));
  socket.listen(1);
  std::vector<OwnedFileDescriptor> clients;
  const net::SocketAddress address = net::to_sockaddr(Endpoint::unix_path(path()));
  for (;;) {
    OwnedFileDescriptor client(
        FileDescriptor{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)});
    if (::connect(client.get().number, address.get(), address.length) != 0) break;
    clients.push_back(std::move(client));
  }
  const auto before = open_descriptors();
  auto connecting = loop().create_task(loop().create_unix_connection(echo(), path()));
  EXPECT_FALSE(run_until([&] { return connecting.done(); }, 50ms));
  EXPECT_LE(open_descriptors().size(), before.size() + 1) << "attempts do not pile up";
  const OwnedFileDescriptor accepted(
      FileDescriptor{::accept4(socket.descriptor().number, nullptr, nullptr, SOCK_CLOEXEC)});
  ASSERT_TRUE(run_until([&] { return connecting.done(); }));
  std::move(connecting).result().transport->abort();
  turns(2);

  // Waiting can be given up. The queue is full again: the connection that was made stands in it.
  const OwnedFileDescriptor filler(
      FileDescriptor{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)});
  static_cast<void>(::connect(filler.get().number, address.get(), address.length));
  auto waiting = loop().create_task(loop().create_unix_connection(echo(), path()));
  EXPECT_FALSE(run_until([&] { return waiting.done(); }, 20ms));
  const auto count = open_descriptors().size();
  waiting.cancel();
  EXPECT_TRUE(run_until([&] { return waiting.done(); }));
  turns(3);
  EXPECT_LE(open_descriptors().size(), count);
}

TEST_F(UnixSockets_C4, a_bound_unix_socket_can_be_handed_to_a_server) {
  Socket socket = Socket::stream(AddressFamily::unix_domain);
  socket.bind(Endpoint::unix_path(path()));
  Server server = run(loop().create_server(recorders.factory(), std::move(socket)));
  const auto client = raw_connect(Endpoint::unix_path(path()));
  EXPECT_TRUE(run_until([&] { return recorders.made_count() == 1; }));
  end(server);
  EXPECT_TRUE(std::filesystem::exists(path())) << "who made the file removes it";
}

}  // namespace
}  // namespace tidegate
