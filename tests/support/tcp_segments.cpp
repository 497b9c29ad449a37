// Asks the kernel: see tcp_segments.hpp. A file of its own because the kernel's header, which alone knows the
// count, and the C library's do not go together.
#include "support/tcp_segments.hpp"

#include <gtest/gtest.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace tidegate::testing {

unsigned tcp_data_segments_sent(FileDescriptor descriptor) {
  tcp_info info{};
  socklen_t size = sizeof info;
  EXPECT_EQ(::getsockopt(descriptor.number, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
  return info.tcpi_data_segs_out;
}

}  // namespace tidegate::testing
