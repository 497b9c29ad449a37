// The life of a datagram transport: opening, receiving, the end. Its sending side is in datagram_sending.cpp.
#include "transport/datagram_transport.hpp"

#include <cerrno>
#include <new>
#include <utility>

namespace tidegate::transport {

Ref<DatagramSocketTransport> DatagramSocketTransport::make(loop::LoopCore& core, kernel::ChannelId channel,
                                                           DatagramSocket socket,
                                                           std::shared_ptr<BaseProtocol> protocol) {
  Ref<DatagramSocketTransport> transport(
      new DatagramSocketTransport(core, channel, std::move(socket), std::move(protocol)));
  transport->retain();  // the loop's hold; `end` lets go of it
  core.admit(static_cast<loop::Visitor&>(*transport));
  return transport;
}

DatagramSocketTransport::DatagramSocketTransport(loop::LoopCore& core, kernel::ChannelId channel,
                                                 DatagramSocket socket,
                                                 std::shared_ptr<BaseProtocol> protocol)
    : core_(core),
      channel_(channel),
      socket_(std::move(socket)),
      remote_address_(net::to_sockaddr(socket_.remote)),
      protocol_(std::move(protocol)),
      buffer_(core.blocks()),
      pause_between_tries_() {
  if (socket_.is_udp) sending().allow_trains();
}

void DatagramSocketTransport::release() noexcept {
  if (--holders_ == 0) delete this;
}

void DatagramSocketTransport::open() {
  if (!state_.open()) return;
  try {
    protocol_.get().connection_made(DatagramTransportRef(this));
  } catch (...) {
    report("protocol.connection_made() failed", std::current_exception());  // the socket stays open (L7)
  }
  if (state_.wants_data()) core_.backend().start(receiving(), channel_);
}

// --- receiving -----------------------------------------------------------------------------------

AddressFamily DatagramReceiving::family() const noexcept {
  return static_cast<const DatagramSocketTransport&>(*this).socket_.family;
}

void DatagramReceiving::received(BytesView datagram, const net::SocketAddress& sender) {
  static_cast<DatagramSocketTransport&>(*this).deliver(datagram, sender);
}

void DatagramReceiving::completed(int result) {
  auto& transport = static_cast<DatagramSocketTransport&>(*this);
  const loop::LoopCore::CallbackTimer timer(transport.core_);
  transport.receiving_completed(result);
}

/// While this goes on, what is sent is gathered: see `sendto`.
void DatagramSocketTransport::deliver(BytesView datagram, const net::SocketAddress& sender) {
  const loop::LoopCore::CallbackTimer timer(core_);
  core_.delivery = {this, BytesView()};
  try {
    protocol_.get().datagram_received(datagram, last_sender_.update(sender, socket_.family));
  } catch (...) {
    report("protocol.datagram_received() failed", std::current_exception());  // the transport lives on (L7)
  }
  core_.delivery.to = nullptr;
}

namespace {

/// Errors that the socket would report again and again: it can't be received from (any more).
bool ends_receiving(int error) noexcept {
  return error == EBADF || error == ENOTSOCK || error == ENOMEM || error == ENOSPC;
}

}  // namespace

void DatagramSocketTransport::receiving_completed(int result) {
  if (result == -ECANCELED || state_.is_lost()) {
    operation_ended();
    return;
  }
  if (ends_receiving(-result)) {
    lose(Error(std::error_code(-result, std::system_category()), "recvfrom"));
    return;
  }
  tell_error(-result, "recvfrom");
  if (state_.wants_data() && !receiving().in_flight()) core_.backend().start(receiving(), channel_);
}

// --- the end -------------------------------------------------------------------------------------

void DatagramSocketTransport::close() {
  if (state_.is_lost()) return;
  core_.check_thread();
  if (!state_.begin_closing()) return;
  core_.backend().cancel(receiving(), channel_);
  if (buffer_.empty()) lose(Error());
}

void DatagramSocketTransport::abort() { abort_for(Error()); }

void DatagramSocketTransport::abort_for(Error reason) {
  if (state_.is_lost()) return;
  core_.check_thread();
  lose(std::move(reason));
}

/// The one place where `connection_lost` is scheduled.
void DatagramSocketTransport::lose(Error reason) {
  if (!state_.lose()) return;
  reason_ = std::move(reason);
  core_.backend().cancel(receiving(), channel_);
  core_.backend().cancel(sending(), channel_);
  core_.forget_flush(*this);
  next_try_.cancel();
  trying_again_ = false;
  buffer_.clear();  // no call is under way, so the kernel reads nothing of it
  if (queued_) return;
  queued_ = true;
  core_.schedule(*this);
}

/// From the ready queue: the end is due.
void DatagramSocketTransport::run() {
  queued_ = false;
  if (!anything_in_flight()) deliver_loss();  // otherwise the last operation to end brings us back here
}

void DatagramSocketTransport::operation_ended() {
  if (!state_.is_lost() || anything_in_flight() || queued_) return;
  if (closed_over_) {
    end();
  } else {
    queued_ = true;
    core_.schedule(*this);
  }
}

void DatagramSocketTransport::deliver_loss() {
  if (state_.opened()) {
    try {
      protocol_.get().connection_lost(reason_);
    } catch (...) {
      report("protocol.connection_lost() failed", std::current_exception());
    }
  }
  end();
}

void DatagramSocketTransport::end() {
  protocol_.reset();  // first: usually nobody else has a reference to this
  if (holders_ > 1) remember_sockname();
  state_.end();
  reason_ = Error();
  core_.backend().close(channel_);
  base::ListNode<loop::VisitorTag>::unlink();
  release();  // the loop's hold: this may be gone now
}

/// The loop closes while this is queued; `loop_closed` comes as well.
void DatagramSocketTransport::discard() noexcept { queued_ = false; }

void DatagramSocketTransport::loop_closed() noexcept {
  const bool unclosed = state_.lose();
  closed_over_ = true;
  core_.forget_flush(*this);
  next_try_.cancel();
  trying_again_ = false;
  buffer_.clear();
  core_.backend().cancel(receiving(), channel_);
  core_.backend().cancel(sending(), channel_);
  // Told when nothing can be done to it any more: the handler may try.
  if (unclosed) report("unclosed transport", nullptr);
  if (!anything_in_flight()) end();  // otherwise when the last operation has ended
}

void DatagramSocketTransport::report(const char* message, std::exception_ptr exception) noexcept {
  core_.report(message, std::move(exception), this, protocol_.shared().get());
}

// --- who and what --------------------------------------------------------------------------------

void DatagramSocketTransport::set_protocol(std::shared_ptr<BaseProtocol> protocol) {
  if (state_.is_ended()) return;  // nothing will be called any more
  core_.check_thread();
  protocol_.replace(std::move(protocol), core_.loop());
}

SocketView DatagramSocketTransport::socket() const noexcept {
  return state_.is_ended() ? SocketView() : SocketView(core_.backend().descriptor(channel_));
}

/// Asked of the kernel as long as there is a socket: the first datagram may give it a name.
Endpoint DatagramSocketTransport::sockname() const {
  if (!state_.is_ended()) {
    try {
      local_ = socket().local_endpoint();
    } catch (const OsError&) {
      return {};  // as asyncio's sockname is None then
    }
  }
  return local_.value_or(Endpoint());
}

/// For whoever asks after the end. Without memory nobody is told.
void DatagramSocketTransport::remember_sockname() const noexcept {
  try {
    static_cast<void>(sockname());
  } catch (const std::bad_alloc&) {
    // The end comes nevertheless.
  }
}

std::any DatagramSocketTransport::get_extra_info(std::string_view name) const {
  if (name == "peername" && socket_.connected) return peername();
  if (name == "sockname") return sockname();
  if (name == "socket" && !state_.is_ended()) return socket();
  return {};
}

}  // namespace tidegate::transport
