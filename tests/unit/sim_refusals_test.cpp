// Calls that a world refuses because somebody says so.
#include "kernel/sim/refusals.hpp"
#include "unit/sim_rig.hpp"

#include <string>

namespace tidegate::kernel::sim {
namespace {

class SimRefusals : public SimTest {};

/// Refuses one kind of call for as long as it is told to, and counts how often it is asked.
class OneKind final : public Refusals {
 public:
  explicit OneKind(Call call) noexcept : call_(call) {}

  int refusal_of(Call call) noexcept override {
    if (call != call_) return 0;
    ++asked;
    return error;
  }

  int error = 0;
  int asked = 0;

 private:
  Call call_;
};

TEST_F(SimRefusals, a_call_that_is_refused_says_so_and_has_done_nothing) {
  OneKind refusals(Call::bind);
  world.set_refusals(&refusals);
  const int number = world.socket(AF_INET, SOCK_STREAM);
  const net::SocketAddress address = net::to_sockaddr(ip("10.0.0.1", 80));
  refusals.error = EACCES;
  EXPECT_EQ(world.bind(number, address.get(), address.length), -EACCES);
  EXPECT_NE(world.trace().text().find("a call is refused 13"), std::string::npos);
  refusals.error = 0;
  EXPECT_EQ(world.bind(number, address.get(), address.length), 0);
  EXPECT_EQ(refusals.asked, 2);
  world.set_refusals(nullptr);
  EXPECT_EQ(world.bind(number, address.get(), address.length), -EINVAL);  // as a second one is
  EXPECT_EQ(refusals.asked, 2);
}

TEST_F(SimRefusals, a_socket_that_is_refused_takes_no_number) {
  OneKind refusals(Call::make_socket);
  refusals.error = EMFILE;
  world.set_refusals(&refusals);
  EXPECT_EQ(world.socket(AF_INET6, SOCK_DGRAM), -EMFILE);
  EXPECT_EQ(world.open_descriptors(), 0U);
}

TEST_F(SimRefusals, an_error_that_waits_is_told_by_a_call_that_succeeds) {
  OneKind refusals(Call::pending_error);
  world.set_refusals(&refusals);
  const int number = world.socket(AF_INET, SOCK_STREAM);
  int error = -1;
  socklen_t size = sizeof error;
  EXPECT_EQ(world.getsockopt(number, SOL_SOCKET, SO_ERROR, &error, &size), 0);
  EXPECT_EQ(error, 0);
  refusals.error = EHOSTUNREACH;
  EXPECT_EQ(world.getsockopt(number, SOL_SOCKET, SO_ERROR, &error, &size), 0);
  EXPECT_EQ(error, EHOSTUNREACH);
  EXPECT_EQ(world.getsockopt(number, SOL_SOCKET, SO_TYPE, &error, &size), 0);
  EXPECT_EQ(refusals.asked, 2);
}

}  // namespace
}  // namespace tidegate::kernel::sim
