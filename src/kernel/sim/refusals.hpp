// Who has a call on a simulated kernel fail although nothing is wrong on its network: for tests of what comes
// of that. Knows no sockets.
#pragma once

namespace tidegate::kernel::sim {

/// What can be refused. Each is one call of a kernel: a train of datagrams, or a part of a file, is one too.
enum class Call : unsigned char {
  // what a backend does for its operations; what others move by themselves is not asked about
  receive,
  send,
  send_file,
  accept,
  receive_datagrams,
  send_datagrams,
  read,   // the same of what is no socket
  write,  // likewise
  // what is made, and set up
  make_socket,
  bind,
  listen,
  connect,
  pending_error,  // is not refused: this is the error that waits on the socket
  set_option,     // of any socket
  set_protocol_option,
  tell_name,
  tell_kind,
};

class Refusals {
 public:
  Refusals() = default;
  Refusals(const Refusals&) = delete;
  Refusals& operator=(const Refusals&) = delete;

  /// Asked once for each call, before anything is done: the errno that it fails with; 0: it is made.
  [[nodiscard]] virtual int refusal_of(Call call) noexcept = 0;

 protected:
  ~Refusals() = default;
};

}  // namespace tidegate::kernel::sim
