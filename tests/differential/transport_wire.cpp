// Hooks from the traced end to the actor: see transport_wire.hpp.
#include "differential/transport_wire.hpp"

#include <stdexcept>

#include <sys/socket.h>

namespace tidegate::differential {

TransportWire::TransportWire(contract::TracedEnd& end, Actor& actor) : end_(end) {
  end.keeps_received = false;  // the actor does
  end.on.connection_made = [&actor] { actor.connected(); };
  end.on.bytes_received = [&actor](BytesView data) { actor.received(data); };
  end.on.eof_received = [&actor] { return actor.end_of_file(); };
  end.on.pause_writing = [&actor] { actor.pause_writing(); };
  end.on.resume_writing = [&actor] { actor.resume_writing(); };
  end.on.connection_lost = [&actor](const Error& reason) { actor.lost(reason); };
}

void TransportWire::reset() { throw std::logic_error("a transport does not reset"); }

void TransportWire::set_send_buffer(int size_bytes) {
  end_.transport().socket().set_option(SOL_SOCKET, SO_SNDBUF, size_bytes);
}

}  // namespace tidegate::differential
