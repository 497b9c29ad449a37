// System calls on behalf of an actor: see raw_wire.hpp.
#include "differential/raw_wire.hpp"

#include <stdexcept>

#include <sys/socket.h>

namespace tidegate::differential {

RawWire::RawWire(Loop& loop, testing::RawPeer& peer, Actor& actor, std::size_t read_size_bytes)
    : loop_(loop), peer_(peer), actor_(actor), read_size_bytes_(read_size_bytes) {}

void RawWire::begin() {
  watch_input();
  actor_.connected();
}

// --- reading -----------------------------------------------------------------------------------------------

void RawWire::watch_input() {
  if (peer_.is_open() && reads_ && !input_over_ && !closing_) {
    loop_.add_reader(peer_.descriptor(), [this] { read(); });
  } else if (peer_.is_open()) {
    loop_.remove_reader(peer_.descriptor());
  }
}

void RawWire::pause_reading() {
  reads_ = false;
  watch_input();
}

void RawWire::resume_reading() {
  reads_ = true;
  watch_input();
}

/// A piece at a time: no reading ahead of what the actor wants.
void RawWire::read() {
  peer_.received.clear();
  const bool some = peer_.receive(read_size_bytes_) > 0;
  if (some) {
    const std::string bytes = std::move(peer_.received);
    actor_.received(BytesView(bytes));
    return;  // the end of file, if it was seen as well, is there the next time
  }
  if (peer_.error != 0) return end();
  if (!peer_.saw_eof) return;
  input_over_ = true;
  watch_input();
  if (!actor_.end_of_file()) close();
}

// --- writing -----------------------------------------------------------------------------------------------

void RawWire::write(BytesView data) {
  if (!peer_.is_open()) return;
  waiting_.append(data.text());
  send();
}

void RawWire::writelines(std::span<const BytesView> pieces) {
  for (const BytesView piece : pieces) write(piece);
}

void RawWire::writelines(std::vector<Chunk> chunks) {
  for (const Chunk& chunk : chunks) write(chunk.bytes());
}

void RawWire::write_eof() {
  owes_eof_ = true;
  send();
}

void RawWire::send() {
  if (!peer_.is_open()) return;
  sent_ += peer_.send_some(BytesView(waiting_).drop(sent_));
  if (buffered() > 0) {
    if (peer_.send_failed()) return end();
    loop_.add_writer(peer_.descriptor(), [this] { send(); });
    return;
  }
  waiting_.clear();
  sent_ = 0;
  loop_.remove_writer(peer_.descriptor());
  if (std::exchange(owes_eof_, false)) peer_.shutdown_write();
  if (closing_) end();
}

// --- the end -----------------------------------------------------------------------------------------------

void RawWire::close() {
  if (closing_) return;
  closing_ = true;
  watch_input();
  send();
}

void RawWire::reset() {
  if (!peer_.is_open()) return;
  loop_.remove_reader(peer_.descriptor());
  loop_.remove_writer(peer_.descriptor());
  peer_.reset();
  end();
}

void RawWire::end() {
  if (peer_.is_open()) {
    loop_.remove_reader(peer_.descriptor());
    loop_.remove_writer(peer_.descriptor());
    peer_.close();
  }
  if (!actor_.is_over()) actor_.lost(Error());
}

// --- what only transports have -----------------------------------------------------------------------------

void RawWire::switch_protocol(contract::Receiver) { throw std::logic_error("a raw socket has no protocol"); }

void RawWire::set_limits(const WriteBufferLimitOptions&) {
  throw std::logic_error("a raw socket has no marks");
}

void RawWire::set_send_buffer(int size_bytes) { peer_.set_option(SOL_SOCKET, SO_SNDBUF, size_bytes); }

}  // namespace tidegate::differential
