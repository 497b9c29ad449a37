// Flags of io_uring that are newer than liburing 2.3, by the values of the kernel's
// include/uapi/linux/io_uring.h. Whether the running kernel knows them is found out by asking it.
#pragma once

#include <cstdint>

namespace tidegate::kernel {

/// IOU_PBUF_RING_INC, Linux 6.12: a provided buffer is filled piece by piece. In the flags of
/// io_uring_buf_reg, which liburing 2.3 calls `pad`.
inline constexpr std::uint16_t kProvideIncrementally = 2;
/// IORING_CQE_F_BUF_MORE, Linux 6.12: the kernel goes on filling the buffer of this completion.
inline constexpr std::uint32_t kBufferHasMore = 1U << 4U;

}  // namespace tidegate::kernel
