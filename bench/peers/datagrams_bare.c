// Datagrams without a library, one socket, one thread, in the ways that the kernel offers:
//
//     --calls sendto     recvfrom and sendto, one datagram each
//     --calls sendmmsg   recvmmsg and sendmmsg, up to 64 datagrams each (the default)
//     --calls trains     the same with UDP_GRO and UDP_SEGMENT: what arrived as a train, or as datagrams of one
//                        size from one peer, leaves as a train
//     --wait blocking    in the receiving call itself: nothing else can be waited for (the default)
//     --wait epoll       in epoll_wait, as a server with more than one socket does
#include "bare_sockets.h"
#include "datagram_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <signal.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 64 };

static int udp_socket = -1;
/// Blocking: the receiving call waits for a first datagram, and then takes what is there.
static int receive_flags = MSG_WAITFORONE;

// --- one by one --------------------------------------------------------------------------------------------

static bool is_no_failure(int error) { return error == EAGAIN || error == EINTR || error == ENOBUFS; }

/// Returns false where nothing was there.
static bool echo_one(void) {
  static char datagram[DATAGRAM_MEMORY_BYTES];
  struct sockaddr_in peer;
  socklen_t peer_size = sizeof peer;
  const int flags = receive_flags & ~MSG_WAITFORONE;
  const ssize_t size =
      recvfrom(udp_socket, datagram, sizeof datagram, flags, (struct sockaddr*)&peer, &peer_size);
  if (size < 0 && !is_no_failure(errno)) fail("recvfrom");
  if (size < 0) return false;
  if (sendto(udp_socket, datagram, (size_t)size, MSG_DONTWAIT, (struct sockaddr*)&peer, peer_size) < 0 &&
      !is_no_failure(errno)) {
    fail("sendto");
  }
  return true;
}

// --- many at a time ----------------------------------------------------------------------------------------

static char memory[BATCH][DATAGRAM_MEMORY_BYTES];
static struct sockaddr_in peers[BATCH];
static struct iovec pieces[BATCH];
static struct mmsghdr messages[BATCH];

static void prepare_messages(void) {
  for (size_t i = 0; i < BATCH; ++i) {
    messages[i].msg_hdr = (struct msghdr){
        .msg_name = &peers[i], .msg_namelen = sizeof peers[i], .msg_iov = &pieces[i], .msg_iovlen = 1};
    pieces[i] = (struct iovec){.iov_base = memory[i], .iov_len = DATAGRAM_MEMORY_BYTES};
  }
}

static void send_all(struct mmsghdr* headers, size_t count) {
  for (size_t sent = 0; sent < count;) {
    const int now = sendmmsg(udp_socket, headers + sent, (unsigned)(count - sent), MSG_DONTWAIT);
    if (now < 0 && !is_no_failure(errno)) fail("sendmmsg");
    if (now < 0) return;
    sent += (size_t)now;
  }
}

static bool echo_batch(void) {
  const int count = recvmmsg(udp_socket, messages, BATCH, receive_flags, NULL);
  if (count < 0 && !is_no_failure(errno)) fail("recvmmsg");
  if (count <= 0) return false;
  // The answers lie where the questions were received, and only the lengths have to change.
  for (int i = 0; i < count; ++i) pieces[i].iov_len = messages[i].msg_len;
  send_all(messages, (size_t)count);
  for (int i = 0; i < count; ++i) pieces[i].iov_len = DATAGRAM_MEMORY_BYTES;
  return count == BATCH;
}

// --- trains ------------------------------------------------------------------------------------------------

enum { MOST_IN_TRAIN = 64, MOST_TRAIN_BYTES = 65507 };  // the kernel's own limits, before Linux 6.9

/// Beside a message that was received: the size of each datagram in it, where it is a train. Beside an answer
/// the same, for the kernel to cut it.
struct remark {
  alignas(struct cmsghdr) char bytes[CMSG_SPACE(sizeof(int))];
};
static struct remark remarks[BATCH];
static struct remark answer_remarks[BATCH];
static struct mmsghdr answers[BATCH];

static void prepare_remarks(size_t count) {
  for (size_t i = 0; i < count; ++i) {
    messages[i].msg_hdr.msg_control = &remarks[i];
    messages[i].msg_hdr.msg_controllen = sizeof remarks[i];
  }
}

static void use_trains(void) {
  if (setsockopt(udp_socket, SOL_UDP, UDP_GRO, &(int){1}, sizeof(int)) != 0) fail("UDP_GRO");
  prepare_remarks(BATCH);
}

/// The size of each of its datagrams but the last, or of the only one.
static size_t datagram_bytes(size_t index) {
  struct msghdr* header = &messages[index].msg_hdr;
  const struct cmsghdr* remark = header->msg_controllen > 0 ? CMSG_FIRSTHDR(header) : NULL;
  int size = 0;
  if (remark != NULL) memcpy(&size, CMSG_DATA(remark), sizeof size);
  return size > 0 ? (size_t)size : messages[index].msg_len;
}

/// How many messages, from the first on, can leave as one: a train by itself, or single datagrams of one size
/// to one peer.
static size_t length_of_train(size_t first, size_t end) {
  const size_t size = messages[first].msg_len;
  if (size == 0 || datagram_bytes(first) < size) return 1;
  size_t length = 1;
  while (first + length < end && length < MOST_IN_TRAIN && (length + 1) * size <= MOST_TRAIN_BYTES) {
    const size_t next = first + length;
    if (messages[next].msg_len != size || datagram_bytes(next) != size) break;
    if (memcmp(&peers[first], &peers[next], sizeof *peers) != 0) break;
    ++length;
  }
  return length;
}

static void prepare_answer(size_t answer, size_t first, size_t length) {
  struct msghdr* header = &answers[answer].msg_hdr;
  *header = (struct msghdr){.msg_name = &peers[first],
                            .msg_namelen = sizeof *peers,
                            .msg_iov = &pieces[first],
                            .msg_iovlen = length};
  const uint16_t size = (uint16_t)datagram_bytes(first);
  if (length == 1 && size == messages[first].msg_len) return;
  header->msg_control = &answer_remarks[answer];
  header->msg_controllen = CMSG_SPACE(sizeof size);
  struct cmsghdr* remark = CMSG_FIRSTHDR(header);
  *remark = (struct cmsghdr){
      .cmsg_level = SOL_UDP, .cmsg_type = UDP_SEGMENT, .cmsg_len = CMSG_LEN(sizeof size)};
  memcpy(CMSG_DATA(remark), &size, sizeof size);
}

static bool echo_trains(void) {
  const int received = recvmmsg(udp_socket, messages, BATCH, receive_flags, NULL);
  if (received < 0 && !is_no_failure(errno)) fail("recvmmsg");
  if (received <= 0) return false;
  const size_t count = (size_t)received;
  for (size_t i = 0; i < count; ++i) pieces[i].iov_len = messages[i].msg_len;
  size_t answer_count = 0;
  for (size_t first = 0; first < count; ++answer_count) {
    const size_t length = length_of_train(first, count);
    prepare_answer(answer_count, first, length);
    first += length;
  }
  send_all(answers, answer_count);
  for (size_t i = 0; i < count; ++i) pieces[i].iov_len = DATAGRAM_MEMORY_BYTES;
  prepare_remarks(count);
  return count == BATCH;
}

// --- the server --------------------------------------------------------------------------------------------

static bool (*echo)(void) = echo_batch;
static bool waits_in_epoll = false;

static bool read_own_option(const char* name, const char* value) {
  if (strcmp(name, "--wait") == 0) {
    waits_in_epoll = strcmp(value, "epoll") == 0;
    return waits_in_epoll || strcmp(value, "blocking") == 0;
  }
  if (strcmp(name, "--calls") != 0) return false;
  if (strcmp(value, "sendto") == 0) {
    echo = echo_one;
  } else if (strcmp(value, "sendmmsg") == 0) {
    echo = echo_batch;
  } else if (strcmp(value, "trains") == 0) {
    echo = echo_trains;
  } else {
    return false;
  }
  return true;
}

static void open_socket(uint16_t port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  udp_socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (udp_socket < 0) fail("socket");
  const int room = DATAGRAM_RECEIVE_BUFFER_BYTES;
  if (setsockopt(udp_socket, SOL_SOCKET, SO_RCVBUF, &room, sizeof room) != 0) fail("SO_RCVBUF");
  if (bind(udp_socket, (struct sockaddr*)&address, sizeof address) != 0) fail("bind");
  socklen_t size = sizeof address;
  if (getsockname(udp_socket, (struct sockaddr*)&address, &size) != 0) fail("getsockname");
  announce_port(ntohs(address.sin_port));
}

/// There is nothing to be put in order, and no signal can come between looking at a flag and blocking.
static void end_at_once(int signal_number) {
  (void)signal_number;
  _exit(0);
}

static void serve_with_epoll(void) {
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) fail("epoll_create1");
  struct epoll_event event = {.events = EPOLLIN};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, udp_socket, &event) != 0) fail("epoll_ctl");
  receive_flags = MSG_DONTWAIT;
  for (;;) {
    if (epoll_wait(epoll, &event, 1, -1) < 0 && errno != EINTR) fail("epoll_wait");
    // A full batch means that there may be more. One by one, that is so after every datagram.
    while (echo()) {
    }
  }
}

int main(int argc, char** argv) {
  const struct datagram_request request = read_datagram_request(
      argc, argv, read_own_option, " [--calls sendto|sendmmsg|trains] [--wait blocking|epoll]");
  signal(SIGTERM, end_at_once);
  signal(SIGINT, end_at_once);
  open_socket(request.port);
  prepare_messages();
  if (echo == echo_trains) use_trains();
  if (waits_in_epoll) serve_with_epoll();
  for (;;) echo();
}
