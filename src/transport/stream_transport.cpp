// The life of a stream transport: opening, reading, the end. Its writing side is in stream_writing.cpp.
#include "transport/stream_transport.hpp"

#include "base/log.hpp"
#include "transport/layer.hpp"

#include <cerrno>
#include <new>
#include <stdexcept>
#include <utility>

namespace tidegate::transport {

namespace {

/// The exception of an error, or that there was no memory for one.
std::exception_ptr exception_of(const Error& error) noexcept {
  try {
    return error.exception();
  } catch (const std::bad_alloc&) {
    return std::current_exception();
  }
}

}  // namespace

Ref<StreamTransport> StreamTransport::make(loop::LoopCore& core, kernel::ChannelId channel,
                                           const Endpoint& peer, std::shared_ptr<BaseProtocol> protocol,
                                           ConnectionOwner* owner) {
  Ref<StreamTransport> transport(
      new StreamTransport(core, channel, peer, std::move(protocol), owner, Direction::both));
  transport->retain();  // the loop's hold; `end` lets go of it
  if (owner != nullptr) {
    owner->connection_made(*transport);
  } else {
    core.admit(*transport);
  }
  return transport;
}

Ref<StreamTransport> StreamTransport::make_pipe(loop::LoopCore& core, OwnedPipe& pipe,
                                                std::shared_ptr<BaseProtocol> protocol, Direction direction) {
  Ref<StreamTransport> transport(
      new StreamTransport(core, pipe.channel.get(), Endpoint(), std::move(protocol), nullptr, direction));
  transport->seldom().loan = std::move(pipe.loan);
  static_cast<void>(pipe.channel.release());
  transport->retain();  // as above
  core.admit(*transport);
  return transport;
}

StreamTransport::StreamTransport(loop::LoopCore& core, kernel::ChannelId channel, const Endpoint& peer,
                                 std::shared_ptr<BaseProtocol> protocol, ConnectionOwner* owner,
                                 Direction direction)
    : core_(core),
      channel_(channel),
      owner_(owner),
      buffer_(core.blocks()),
      peer_(peer),
      protocol_(std::move(protocol)),
      state_(direction) {
  receiving().set_own_memory(protocol_.is_buffered());
}

void StreamTransport::release() noexcept {
  if (--holders_ == 0) delete this;
}

// --- opening -------------------------------------------------------------------------------------

void StreamTransport::open_soon() {
  queued_ = true;
  core_.schedule(*this);
}

void StreamTransport::open() {
  if (!state_.open()) return;
  try {
    protocol_.stream().connection_made(TransportRef(this));
  } catch (...) {
    report("protocol.connection_made() failed", std::current_exception());  // the connection stays open (L7)
  }
  if (state_.wants_data()) {
    start_receiving();
  } else if (!state_.reads() && !state_.is_closing()) {
    core_.backend().watch_hangup(receiving(), channel_);  // the reader may go without a write that tells (P3)
  }
}

// --- reading -------------------------------------------------------------------------------------

void StreamTransport::start_receiving() {
  if (!receiving().in_flight()) core_.backend().start(receiving(), channel_);
}

void StreamTransport::pause_reading() {
  if (state_.is_lost()) return;
  if (!state_.reads()) throw NotSupportedError("pause_reading() on a transport that only writes");
  core_.check_thread();
  // After the end of file there is nothing to hold; what is in flight then only watches for a reset.
  if (state_.pause_reading() && !state_.eof_received() && receiving().in_flight())
    core_.backend().hold(receiving());
}

void StreamTransport::resume_reading() {
  if (state_.is_lost()) return;
  if (!state_.reads()) throw NotSupportedError("resume_reading() on a transport that only writes");
  core_.check_thread();
  if (!state_.resume_reading() || !state_.wants_data()) return;
  if (receiving().in_flight()) {
    core_.backend().resume(receiving(), channel_);
  } else {
    start_receiving();
  }
}

MutableBytesView StreamTransport::ask_for_buffer(BufferedProtocol& protocol) const {
  const loop::LoopCore::CallbackTimer timer(core_);
  return protocol.get_buffer(-1);
}

MutableBytesView StreamTransport::receive_target() {
  try {
    while (protocol_.is_buffered()) {
      BufferedProtocol& asked = protocol_.buffered();
      const MutableBytesView memory = ask_for_buffer(asked);
      // Closed or paused from inside: the backend sees that, and receives nothing.
      if (state_.is_lost() || !(state_.is_reading() || draining_)) return {};
      // Replaced from inside: the memory is the old one's and must not be filled (L8).
      if (protocol_.shared().get() != &asked) continue;
      if (memory.empty()) throw std::runtime_error("get_buffer() returned an empty buffer");
      core_.asked_bytes = memory.size();
      return memory;
    }
  } catch (...) {
    fail("Fatal error: protocol.get_buffer() call failed.", std::current_exception());
  }
  return {};
}

/// A delivery is over, and something waits to be sent.
inline void StreamTransport::send_what_was_written() {
  if (sending().in_flight()) return;  // it goes behind that
  if (!buffer_.is_lent()) return flush();
  // Lent bytes are there only while nothing is lost and the kernel is not known to be full.
  const BytesView bytes = buffer_.lent();
  const std::ptrdiff_t result = core_.backend().send(sending(), channel_, bytes);
  if (result == kernel::Backend::kUnderWay) return;
  if (result != static_cast<std::ptrdiff_t>(bytes.size())) return lent_bytes_are_left(result);
  buffer_.forget_lent();
  if (flow_.paused() || !state_.writes_plainly()) after_sending();
}

/// Has the protocol called with what arrived. What it writes meanwhile leaves when it returns (or together
/// with what it writes of the rest, where there is one), and where it writes out of the very bytes that were
/// lent to it, they are sent from where they are.
template <typename Call>
void StreamTransport::call_protocol(BytesView lent, const Call& call, const char* failure, Rest rest) {
  core_.delivery = {this, lent};
  try {
    call();
  } catch (...) {
    fail(failure, std::current_exception());
  }
  core_.delivery.to = nullptr;
  if (!buffer_.empty()) {
    if (rest == Rest::likely) return core_.flush_later(*this);
    send_what_was_written();
  } else if (flow_.paused() || !state_.writes_plainly()) {
    after_sending();  // what went over the mark was offered at once, and took all that waited along
  }
}

void StreamTransport::deliver(BytesView bytes) {
  if (core_.debug()) return deliver_in_debug_mode(bytes);
  call_protocol(
      bytes, [&] { protocol_.plain().data_received(bytes); },
      "Fatal error: protocol.data_received() call failed.");
}

/// Lends nothing, so that every write takes the way on which it is checked.
void StreamTransport::deliver_in_debug_mode(BytesView bytes) {
  const loop::LoopCore::CallbackTimer timer(core_);
  call_protocol(
      BytesView(), [&] { protocol_.plain().data_received(bytes); },
      "Fatal error: protocol.data_received() call failed.");
}

/// Lends nothing: the bytes lie in the protocol's own memory, which it may change when it has written them.
/// What is full was perhaps too small for what has arrived.
void StreamTransport::announce_filled(std::size_t size_bytes) {
  const loop::LoopCore::CallbackTimer timer(core_);
  const Rest rest = size_bytes == core_.asked_bytes ? Rest::likely : Rest::none;
  call_protocol(
      BytesView(), [&] { protocol_.buffered().buffer_updated(size_bytes); },
      "Fatal error: protocol.buffer_updated() call failed.", rest);
}

void StreamReceiving::completed(int result) {
  auto& transport = static_cast<StreamTransport&>(*this);
  const loop::LoopCore::CallbackTimer timer(transport.core_);
  transport.receiving_completed(result);
}

void StreamTransport::receiving_completed(int result) {
  if (result == -ECANCELED || state_.is_lost()) {
    operation_ended();
  } else if (draining_) {
    lose(take_reason());  // all that had arrived is delivered; now the write error that began this
  } else if (!state_.reads()) {
    reader_has_gone(result);
  } else if (result < 0) {
    // After the end of file nothing is received any more; it is the watch for a reset that says so.
    const char* const attempted = state_.is_pipe() ? "read" : state_.eof_received() ? "connection" : "recv";
    lose(Error(std::error_code(-result, std::system_category()), attempted));
  } else if (!state_.eof_received()) {
    on_eof();
  }
  // Otherwise both directions have ended in order, and it is the protocol's turn to close.
}

/// The watch of a write pipe has ended. What is buffered will never arrive, which the protocol has to know;
/// else it is an ordinary end (P3).
void StreamTransport::reader_has_gone(int result) {
  const bool watched = result == 0 || result == -EPIPE || result == -ECONNRESET;
  if (!watched) return lose(Error(std::error_code(-result, std::system_category()), "watch a pipe"));
  const bool owes_nothing = buffer_.empty() && !state_.sends_file();
  lose(owes_nothing ? Error() : Error(std::make_error_code(std::errc::broken_pipe), "write"));
}

void StreamTransport::on_eof() {
  if (state_.sends_file()) return;  // what follows may be the end, and a file leaves first: see `end_file`
  if (state_.is_closing() || !state_.receive_eof()) return;
  bool keep_open = false;
  try {
    keep_open = protocol_.stream().eof_received();
  } catch (...) {
    fail("Fatal error: protocol.eof_received() call failed.", std::current_exception());
    return;
  }
  if (state_.is_closing()) return;
  if (keep_open && state_.writes()) {
    core_.backend().watch_hangup(receiving(),
                                 channel_);  // a reset must not go unnoticed until the next write
  } else {
    close();
  }
}

// --- the end -------------------------------------------------------------------------------------

void StreamTransport::close() {
  if (state_.is_lost()) return;
  core_.check_thread();
  if (!state_.begin_closing()) {
    // Closing already. If that is because writing failed, what had arrived was still being delivered: no more
    // of it (L4).
    if (draining_) lose(take_reason());
    return;
  }
  core_.backend().cancel(receiving(), channel_);
  fail_file(Error());
  if (buffer_.empty()) lose(Error());
}

void StreamTransport::abort() { abort_for(Error()); }

void StreamTransport::abort_for(Error reason) {
  if (state_.is_lost()) return;
  core_.check_thread();
  lose(draining_ ? take_reason() : std::move(reason));
}

void StreamTransport::fail(const char* message, std::exception_ptr exception) {
  report(message, exception);
  lose(Error(std::move(exception)));
}

/// The one place where `connection_lost` is scheduled.
void StreamTransport::lose(Error reason) {
  if (!state_.lose()) return;
  draining_ = false;
  fail_file(reason);
  if (reason) keep_reason(std::move(reason));
  core_.backend().cancel(receiving(), channel_);
  core_.backend().cancel(sending(), channel_);
  core_.forget_flush(*this);
  if (!queued_) {
    queued_ = true;
    core_.schedule(*this);
  }
  if (!sending().in_flight()) buffer_.clear();  // otherwise the kernel may still be reading it
}

/// From the ready queue: the beginning or the end, whichever is due.
void StreamTransport::run() {
  queued_ = false;
  if (state_.is_lost()) {
    if (!anything_in_flight()) deliver_loss();  // otherwise the last operation to end brings us back here
  } else {
    open();
  }
}

void StreamTransport::operation_ended() {
  if (!sending().in_flight() && state_.is_lost()) buffer_.clear();
  if (!state_.is_lost() || anything_in_flight() || queued_) return;
  if (closed_over_) {
    end();
  } else {
    queued_ = true;
    core_.schedule(*this);
  }
}

void StreamTransport::deliver_loss() {
  if (state_.opened()) {
    try {
      protocol_.stream().connection_lost(seldom_ != nullptr ? seldom_->reason : Error());
    } catch (...) {
      report("protocol.connection_lost() failed", std::current_exception());
    }
  }
  end();
}

void StreamTransport::end() {
  protocol_.reset();  // first: usually nobody else has a reference to this
  if (holders_ > 1) remember_sockname();
  state_.end();
  if (seldom_ != nullptr) {
    seldom_->reason = Error();
    seldom_->loan.end();
  }
  buffer_.clear();
  core_.backend().close(channel_);
  base::ListNode<loop::VisitorTag>::unlink();
  if (owner_ != nullptr) std::exchange(owner_, nullptr)->connection_ended(*this);
  release();  // the loop's hold: this may be gone now
}

/// The loop closes while this is queued; `loop_closed` comes as well.
void StreamTransport::discard() noexcept { queued_ = false; }

void StreamTransport::loop_closed() noexcept {
  const bool unclosed = state_.lose();
  closed_over_ = true;
  core_.forget_flush(*this);
  core_.backend().cancel(receiving(), channel_);
  core_.backend().cancel(sending(), channel_);
  if (seldom_ != nullptr && seldom_->file != nullptr) seldom_->file->end();
  // Told when nothing can be done to it any more: the handler may try.
  // A layer tells of itself, by the transport that the program knows.
  const bool told_above = state_.opened() && dynamic_cast<Layer*>(protocol_.shared().get()) != nullptr;
  if (unclosed && !told_above) report("unclosed transport", nullptr);
  if (!anything_in_flight()) end();  // otherwise when the last operation has ended
}

void StreamTransport::report(const char* message, std::exception_ptr exception) noexcept {
  core_.report(message, std::move(exception), this, protocol_.shared().get());
}

// --- who and what --------------------------------------------------------------------------------

void StreamTransport::set_protocol(std::shared_ptr<BaseProtocol> protocol) {
  if (state_.is_ended()) return;  // nothing will be called any more
  core_.check_thread();
  protocol_.replace(std::move(protocol), core_.loop());
  receiving().set_own_memory(protocol_.is_buffered());
}

SocketView StreamTransport::socket() const noexcept {
  return state_.is_ended() ? SocketView() : SocketView(core_.backend().descriptor(channel_));
}

Endpoint StreamTransport::sockname() const {
  if (state_.is_pipe()) return {};
  if (seldom_ == nullptr || !seldom_->local) {
    if (state_.is_ended()) return {};
    try {
      seldom().local = socket().local_endpoint();
    } catch (const OsError&) {
      return {};  // the kernel doesn't say (any more), as asyncio's sockname is None then
    }
  }
  return *seldom_->local;
}

/// For whoever asks after the end. Without memory nobody is told.
void StreamTransport::remember_sockname() const noexcept {
  try {
    static_cast<void>(sockname());
  } catch (const std::bad_alloc&) {
    // The end comes nevertheless.
  }
}

StreamTransport::Seldom& StreamTransport::seldom() const {
  if (seldom_ == nullptr) seldom_ = std::make_unique<Seldom>();
  return *seldom_;
}

/// For `connection_lost`. Where there is no memory for it, that comes without, and the exception handler is
/// told.
void StreamTransport::keep_reason(Error reason) noexcept {
  try {
    seldom().reason = std::move(reason);
  } catch (const std::bad_alloc&) {
    report("no memory for the reason of connection_lost()", exception_of(reason));
  }
}

/// The reason that a failed write has left, for it to become that of the end.
Error StreamTransport::take_reason() noexcept {
  return seldom_ == nullptr ? Error() : std::exchange(seldom_->reason, Error());
}

std::any StreamTransport::get_extra_info(std::string_view name) const {
  if (name == "peername") return peername();
  if (name == "sockname") return sockname();
  if (state_.is_ended()) return {};
  if (name == "socket" && !state_.is_pipe()) return socket();
  if (name == "pipe" && state_.is_pipe()) return core_.backend().descriptor(channel_);
  return {};
}

}  // namespace tidegate::transport
