// Endpoints to sockaddr and back, what the kernel may report, and sockets and their options as values.
#include "net/socket_address.hpp"

#include <tidegate/error.hpp>
#include <tidegate/socket.hpp>

#include "net/socket_options.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace tidegate::net {
namespace {

constexpr std::size_t kPathOffset = offsetof(sockaddr_un, sun_path);

TEST(SocketAddress, every_kind_of_endpoint_survives_the_way_there_and_back) {
  const std::vector<Endpoint> endpoints{
      Endpoint(),
      Endpoint::ipv4({1, 2, 3, 4}, 65535),
      Endpoint::ipv6({0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 80, 7, 0x12345),
      Endpoint::unix_path("/run/x.sock"),
      Endpoint::unix_path(std::string(107, 'p')),
      Endpoint::unix_abstract("name"),
      Endpoint::unix_abstract(std::string_view("a\0b", 3)),
      Endpoint::unix_abstract(std::string(107, 'p')),
      Endpoint::unix_abstract(""),
      Endpoint::unix_unnamed()};
  for (const Endpoint& endpoint : endpoints) {
    EXPECT_EQ(from_sockaddr(to_sockaddr(endpoint)), endpoint) << endpoint.to_string();
  }
}

TEST(SocketAddress, is_laid_out_as_the_kernel_reads_it) {
  const SocketAddress address = to_sockaddr(Endpoint::ipv6({0xff}, 0x1234, 9, 0x01020304));
  sockaddr_in6 native;
  ASSERT_EQ(address.length, sizeof(native));
  std::memcpy(&native, &address.storage, sizeof(native));
  EXPECT_EQ(native.sin6_family, AF_INET6);
  EXPECT_EQ(native.sin6_port, htons(0x1234));
  EXPECT_EQ(native.sin6_scope_id, 9U);
  EXPECT_EQ(native.sin6_flowinfo, htonl(0x01020304));
  EXPECT_EQ(native.sin6_addr.s6_addr[0], 0xff);

  EXPECT_EQ(to_sockaddr(Endpoint()).length, 0U);
  EXPECT_EQ(to_sockaddr(Endpoint::unix_unnamed()).length, kPathOffset);
  EXPECT_EQ(to_sockaddr(Endpoint::unix_path("/x")).length, kPathOffset + 3);
  EXPECT_EQ(to_sockaddr(Endpoint::unix_abstract("x")).length, kPathOffset + 2);
}

TEST(SocketAddress, a_path_without_a_terminator_is_kept_whole) {
  SocketAddress address;
  sockaddr_un native{};
  native.sun_family = AF_UNIX;
  std::memset(native.sun_path, 'p', sizeof(native.sun_path));
  std::memcpy(&address.storage, &native, sizeof(native));
  // The kernel counts the terminator that it keeps behind the path.
  for (const std::size_t length : {sizeof(native), kPathOffset + sizeof(native.sun_path) + 1}) {
    address.length = static_cast<socklen_t>(length);
    const Endpoint endpoint = from_sockaddr(address);
    EXPECT_EQ(endpoint.path(), std::string(sizeof(native.sun_path), 'p'));
    EXPECT_EQ(from_sockaddr(to_sockaddr(endpoint)), endpoint);
  }
}

TEST(SocketAddress, whatever_is_too_short_or_unknown_is_no_address) {
  EXPECT_TRUE(from_sockaddr(nullptr, 100).empty());
  for (const Endpoint& endpoint : {Endpoint::ipv4({1}, 2), Endpoint::ipv6({1}, 2)}) {
    const SocketAddress address = to_sockaddr(endpoint);
    for (socklen_t length = 0; length < address.length; ++length) {
      // A copy of exactly that size, so that a look beyond it is noticed.
      const std::vector<char> cut(reinterpret_cast<const char*>(address.get()),
                                  reinterpret_cast<const char*>(address.get()) + length);
      EXPECT_TRUE(from_sockaddr(reinterpret_cast<const sockaddr*>(cut.data()), length).empty()) << length;
    }
  }
  SocketAddress unknown;
  unknown.storage.ss_family = AF_NETLINK;
  unknown.length = SocketAddress::capacity();
  EXPECT_TRUE(from_sockaddr(unknown).empty());
}

TEST(SocketAddress, a_unix_name_ends_where_the_length_says) {
  const SocketAddress address = to_sockaddr(Endpoint::unix_path("/abc"));
  const auto at_length = [&](std::size_t length) {
    const std::vector<char> cut(reinterpret_cast<const char*>(address.get()),
                                reinterpret_cast<const char*>(address.get()) + length);
    return from_sockaddr(reinterpret_cast<const sockaddr*>(cut.data()), static_cast<socklen_t>(length));
  };
  EXPECT_EQ(at_length(kPathOffset), Endpoint::unix_unnamed());
  EXPECT_EQ(at_length(kPathOffset + 1), Endpoint::unix_path("/"));
  EXPECT_EQ(at_length(kPathOffset + 4), Endpoint::unix_path("/abc"));
  EXPECT_EQ(at_length(kPathOffset + 5), Endpoint::unix_path("/abc"));
}

TEST(SocketAddress, a_length_over_the_capacity_reads_no_further) {
  SocketAddress address = to_sockaddr(Endpoint::unix_abstract(std::string(107, 'p')));
  address.length = SocketAddress::capacity() + 1000;
  EXPECT_EQ(from_sockaddr(address).path().size(), 107U);
}

TEST(SocketAddress, families_have_native_numbers) {
  for (const AddressFamily family :
       {AddressFamily::unspecified, AddressFamily::ipv4, AddressFamily::ipv6, AddressFamily::unix_domain}) {
    EXPECT_EQ(from_native(to_native(family)), family);
  }
  EXPECT_EQ(from_native(AF_NETLINK), AddressFamily::unspecified);
}

TEST(Socket, knows_its_addresses) {
  const Socket listener = Socket::stream(AddressFamily::ipv4);
  listener.bind(Endpoint::ipv4({127, 0, 0, 1}, 0));
  listener.listen(1);
  const Endpoint local = listener.view().local_endpoint();
  EXPECT_EQ(local.host(), "127.0.0.1");
  EXPECT_NE(local.port().number(), 0);
  EXPECT_THROW((void)listener.view().remote_endpoint(), OsError);

  const auto [left, right] = Socket::pair();
  EXPECT_EQ(left.view().local_endpoint(), Endpoint::unix_unnamed());
  EXPECT_EQ(right.view().remote_endpoint(), Endpoint::unix_unnamed());
}

TEST(Socket, errors_name_the_address) {
  const Socket first = Socket::stream(AddressFamily::ipv4);
  first.bind(Endpoint::ipv4({127, 0, 0, 1}, 0));
  const Endpoint taken = first.view().local_endpoint();
  first.listen(1);
  try {
    Socket::stream(AddressFamily::ipv4).bind(taken);
    FAIL();
  } catch (const OsError& error) {
    EXPECT_EQ(error.what(), "bind " + taken.to_string() + ": Address already in use");
    EXPECT_EQ(error.code(), std::errc::address_in_use);
  }
  EXPECT_THROW((void)Socket::stream(AddressFamily::unspecified), std::invalid_argument);
  EXPECT_THROW(Socket::stream(AddressFamily::unix_domain).bind(Endpoint()), OsError);
}

TEST(Socket, abstract_names_and_paths_come_back_from_the_kernel) {
  const std::string unique = "tidegate-unit-" + std::to_string(::getpid());
  const Socket abstract = Socket::stream(AddressFamily::unix_domain);
  abstract.bind(Endpoint::unix_abstract(unique));
  EXPECT_EQ(abstract.view().local_endpoint(), Endpoint::unix_abstract(unique));

  const std::string path = (std::filesystem::temp_directory_path() / unique).string();
  const Socket named = Socket::stream(AddressFamily::unix_domain);
  named.bind(Endpoint::unix_path(path));
  EXPECT_EQ(named.view().local_endpoint(), Endpoint::unix_path(path));
  std::filesystem::remove(path);
}

TEST(Socket, options_are_set_and_read) {
  const Socket socket = Socket::stream(AddressFamily::ipv4);
  socket.view().set_option(SOL_SOCKET, SO_KEEPALIVE, 1);
  EXPECT_NE(socket.view().get_option(SOL_SOCKET, SO_KEEPALIVE), 0);
  EXPECT_THROW((void)socket.view().get_option(SOL_SOCKET, 99999), OsError);
}

TEST(SocketOptions, a_new_socket_blocks_nobody_and_is_not_inherited) {  // E6
  const Socket socket = Socket::stream(AddressFamily::ipv4);
  EXPECT_NE(::fcntl(socket.descriptor().number, F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(socket.descriptor().number, F_GETFD) & FD_CLOEXEC, 0);
}

TEST(SocketOptions, nonblocking_says_what_was_there_before) {  // P4
  const Socket socket = Socket::stream(AddressFamily::ipv4);
  EXPECT_TRUE(set_nonblocking(socket.descriptor(), false));
  EXPECT_EQ(::fcntl(socket.descriptor().number, F_GETFL) & O_NONBLOCK, 0);
  EXPECT_FALSE(set_nonblocking(socket.descriptor()));
  EXPECT_TRUE(set_nonblocking(socket.descriptor()));
  EXPECT_THROW(set_nonblocking(FileDescriptor()), OsError);
}

TEST(SocketOptions, each_one_arrives_at_the_kernel) {
  const Socket socket = Socket::stream(AddressFamily::ipv4);
  const FileDescriptor descriptor = socket.descriptor();
  set_close_on_exec(descriptor, false);
  EXPECT_EQ(::fcntl(descriptor.number, F_GETFD) & FD_CLOEXEC, 0);
  set_close_on_exec(descriptor);
  EXPECT_NE(::fcntl(descriptor.number, F_GETFD) & FD_CLOEXEC, 0);
  set_reuse_address(descriptor);
  EXPECT_NE(socket.view().get_option(SOL_SOCKET, SO_REUSEADDR), 0);
  set_reuse_port(descriptor);
  EXPECT_NE(socket.view().get_option(SOL_SOCKET, SO_REUSEPORT), 0);
  set_keep_alive(descriptor);
  EXPECT_NE(socket.view().get_option(SOL_SOCKET, SO_KEEPALIVE), 0);
  set_broadcast(descriptor);
  EXPECT_NE(socket.view().get_option(SOL_SOCKET, SO_BROADCAST), 0);
  set_no_delay(descriptor);
  EXPECT_NE(socket.view().get_option(IPPROTO_TCP, TCP_NODELAY), 0);
  EXPECT_THROW(set_ipv6_only(descriptor), OsError);
}

TEST(SocketOptions, no_delay_leaves_other_sockets_alone) {
  const auto [left, right] = Socket::pair();
  set_no_delay(left.descriptor());
  set_no_delay(FileDescriptor());
}

TEST(SocketOptions, kinds_are_told_apart) {
  const auto [left, right] = Socket::pair();
  EXPECT_TRUE(is_stream_socket(left.descriptor()));
  EXPECT_FALSE(is_listening(left.descriptor()));
  EXPECT_EQ(family_of(left.descriptor()), AddressFamily::unix_domain);

  const OwnedFileDescriptor datagram(FileDescriptor{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)});
  EXPECT_EQ(socket_type(datagram.get()), SocketType::datagram);
  EXPECT_EQ(family_of(datagram.get()), AddressFamily::ipv4);

  const OwnedFileDescriptor file(FileDescriptor{::open("/dev/null", O_RDONLY | O_CLOEXEC)});
  EXPECT_EQ(socket_type(file.get()), std::nullopt);
  EXPECT_FALSE(is_stream_socket(file.get()));
  EXPECT_EQ(family_of(file.get()), AddressFamily::unspecified);
}

TEST(SocketOptions, a_pending_error_is_taken_once) {
  const auto [left, right] = Socket::pair();
  EXPECT_FALSE(socket_error(left.descriptor()));
  EXPECT_EQ(socket_error(FileDescriptor()), std::errc::bad_file_descriptor);
}

TEST(SocketOptions, shutting_down_the_sending_side_reaches_the_peer_as_an_end) {  // W5
  const auto [left, right] = Socket::pair();
  EXPECT_FALSE(shutdown_write(left.descriptor()));
  char byte = 0;
  EXPECT_EQ(::read(right.descriptor().number, &byte, 1), 0);
  EXPECT_EQ(shutdown_write(Socket::stream(AddressFamily::ipv4).descriptor()), std::errc::not_connected);
}

}  // namespace
}  // namespace tidegate::net
