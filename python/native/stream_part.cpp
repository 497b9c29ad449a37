// What the core calls of a Python stream transport: see stream_part.hpp.
#include "stream_part.hpp"

#include "into_python.hpp"
#include "names.hpp"
#include "net/socket_options.hpp"
#include "python_error.hpp"
#include "reader_feed.hpp"
#include "transport/owned_channel.hpp"

#include <cerrno>
#include <stdexcept>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>

namespace tidegate::python {

namespace {

class PlainAdapter final : public Protocol, public StreamAdapter {
 public:
  explicit PlainAdapter(StreamPart& part) : StreamAdapter(part) {}

 private:
  void connection_made(TransportRef) override { part().connection_made(); }
  void data_received(BytesView data) override { part().data_received(data); }
  bool eof_received() override { return part().eof_received(); }
  void pause_writing() override { part().pause_writing(); }
  void resume_writing() override { part().resume_writing(); }
  void connection_lost(const Error& reason) override { part().connection_lost(reason); }
};

class BufferedAdapter final : public BufferedProtocol, public StreamAdapter {
 public:
  explicit BufferedAdapter(StreamPart& part) : StreamAdapter(part) {}

 private:
  void connection_made(TransportRef) override { part().connection_made(); }
  MutableBytesView get_buffer(std::ptrdiff_t) override { return part().get_buffer(); }
  void buffer_updated(std::size_t size_bytes) override { part().buffer_updated(size_bytes); }
  bool eof_received() override { return part().eof_received(); }
  void pause_writing() override { part().pause_writing(); }
  void resume_writing() override { part().resume_writing(); }
  void connection_lost(const Error& reason) override { part().connection_lost(reason); }
};

/// For a plain protocol that is sent much at a time.
class BulkAdapter final : public BufferedProtocol, public StreamAdapter {
 public:
  explicit BulkAdapter(StreamPart& part) : StreamAdapter(part) {}

 private:
  void connection_made(TransportRef) override { part().connection_made(); }
  MutableBytesView get_buffer(std::ptrdiff_t) override { return part().memory_for_bulk(); }
  void buffer_updated(std::size_t size_bytes) override { part().bulk_received(size_bytes); }
  bool eof_received() override { return part().eof_received(); }
  void pause_writing() override { part().pause_writing(); }
  void resume_writing() override { part().resume_writing(); }
  void connection_lost(const Error& reason) override { part().connection_lost(reason); }
};

/// So much at once is the beginning of bulk (over TLS a whole record, of which no two come at once before),
/// and so little, so many times in a row, its end.
constexpr std::size_t kMuchBytes = std::size_t{32} * 1024;
constexpr std::size_t kRecordBytes = std::size_t{16} * 1024;
constexpr std::size_t kLittleBytes = std::size_t{4} * 1024;
constexpr unsigned char kSmallReceives = 4;

/// Whether it is a socket; throws std::invalid_argument for what is no pipe, terminal or device either.
bool is_socket_or_pipe(int descriptor) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0)
    throw OsError(std::error_code(errno, std::system_category()), "fstat");
  if (S_ISSOCK(status.st_mode)) return true;
  if (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode)) return false;
  throw std::invalid_argument("Pipe transport is for pipes, sockets and character devices only.");
}

}  // namespace

StreamAdapter::StreamAdapter(StreamPart& part) : part_(part), transport_(Owned::share(part.object())) {
  part.adapter_begins(*this);
}

StreamAdapter::~StreamAdapter() { part_.adapter_ends(*this); }

PyObject* StreamAdapter::protocol() const noexcept { return part_.protocol(); }
void StreamAdapter::was_left_open() const noexcept { part_.was_left_open(); }

// --- the beginning -----------------------------------------------------------------------------------------

void StreamPart::remember(const Terms& terms) {
  calls_.begin(terms.loop);
  look_up_methods(terms.protocol);
  descriptor_ = terms.descriptor;
}

/// The descriptor is a channel's from here on, over which `make` makes a transport. The socket goes on naming
/// it until the end; or forgets it now, for where this fails it has been closed.
template <typename Make>
void StreamPart::take_over_socket(const Terms& terms, const Make& make) {
  try {
    loop::LoopCore& core = loop().core();
    transport::OwnedChannel channel(
        core, core.backend().attach(OwnedFileDescriptor(FileDescriptor{terms.descriptor})));
    net::set_no_delay(core.backend().descriptor(channel.get()));
    file_ = Owned::share(terms.file);
    make(channel.get());
    channel_ = channel.release();
  } catch (...) {
    file_.reset();
    const PendingError error;
    if (!call_method(terms.file, names().detach)) calls_.was_in_vain(terms.file);
    throw;
  }
}

void StreamPart::open_socket(const Terms& terms) {
  remember(terms);
  loop::LoopCore& core = loop().core();
  Ref<transport::StreamTransport> socket;
  take_over_socket(terms, [&](kernel::ChannelId channel) {
    socket = transport::StreamTransport::make(core, channel, Endpoint(), make_adapter(), nullptr);
  });
  transport_ = Ref<transport::InnerTransport>(socket.get());
  begin(terms, *socket);
}

void StreamPart::open_tls(Terms terms, SecuredPart::Terms secured) {
  remember(terms);
  loop::LoopCore& core = loop().core();
  secured.waiter = std::exchange(terms.waiter, nullptr);
  secured.engine.interrupt = [this] { loop().interrupt(); };
  auto part = std::make_unique<SecuredPart>();
  const std::shared_ptr<tls::TlsTransport> connection = part->make(core, secured, make_adapter());
  Ref<transport::StreamTransport> socket;
  take_over_socket(terms, [&](kernel::ChannelId channel) {
    socket = transport::StreamTransport::make(core, channel, Endpoint(), connection, nullptr);
  });
  secured_ = std::move(part);
  transport_ = Ref<transport::InnerTransport>(connection.get());
  secured_->tell_waiter(*connection, terms.loop, object());
  begin(terms, *socket);
}

void StreamPart::open_tls_over(StreamPart& below, Terms terms, SecuredPart::Terms secured) {
  terms.descriptor = below.descriptor_;
  remember(terms);
  secured.waiter = terms.waiter;
  secured.engine.interrupt = [this] { loop().interrupt(); };
  auto part = std::make_unique<SecuredPart>();
  const std::shared_ptr<tls::TlsTransport> connection = part->upgrade(below.core(), secured, make_adapter());
  secured_ = std::move(part);
  transport_ = Ref<transport::InnerTransport>(connection.get());
  file_ = std::move(below.file_);
  channel_ = below.channel_;
  server_ = std::move(below.server_);
  attached_ = std::move(below.attached_);
  loop().transports()[descriptor_] = object();
  secured_->tell_waiter(*connection, terms.loop, object());
}

void StreamPart::open_pipe(const Terms& terms, transport::Direction direction) {
  is_socket_ = false;
  remember(terms);
  loop::LoopCore& core = loop().core();
  const bool is_socket = is_socket_or_pipe(terms.descriptor);
  // The object that was given closes its own at the end.
  const int duplicate = ::fcntl(terms.descriptor, F_DUPFD_CLOEXEC, 3);
  if (duplicate < 0) throw OsError(std::error_code(errno, std::system_category()), "duplicate a descriptor");
  OwnedFileDescriptor owned(FileDescriptor{duplicate});
  transport::OwnedPipe pipe;
  pipe.loan = net::NonblockingLoan(owned.get());
  pipe.channel = transport::OwnedChannel(core, is_socket ? core.backend().attach(std::move(owned))
                                                         : core.backend().attach_file(std::move(owned)));
  file_ = Owned::share(terms.file);
  const auto made = transport::StreamTransport::make_pipe(core, pipe, make_adapter(), direction);
  transport_ = Ref<transport::InnerTransport>(made.get());
  begin(terms, *made);
}

std::shared_ptr<BaseProtocol> StreamPart::make_adapter() {
  if (is_buffered_) return std::make_shared<BufferedAdapter>(*this);
  if (in_bulk_) return std::make_shared<BulkAdapter>(*this);
  return std::make_shared<PlainAdapter>(*this);
}

void StreamPart::begin(const Terms& terms, transport::StreamTransport& socket) {
  if (is_socket_) loop().transports()[descriptor_] = object();
  if (terms.server != nullptr && terms.server != Py_None) {
    const Owned told = Owned::take(
        PyObject_CallMethodObjArgs(loop_object(), names().attach_to_server, terms.server, object(), nullptr));
    if (!told) {  // it was closed meanwhile
      socket.abort();
      throw_python_error();
    }
    server_ = Owned::share(terms.server);
    attached_ = Owned::share(object());
  }
  socket.open_soon();
  if (terms.waiter == nullptr || terms.waiter == Py_None) return;
  const Owned waking = Owned::take(PyObject_CallMethodObjArgs(
      loop_object(), names().call_soon, names().set_result_unless_cancelled, terms.waiter, Py_None, nullptr));
  if (!waking) throw_python_error();
}

void StreamPart::look_up_methods(PyObject* protocol) {
  const int is_buffered = PyObject_IsInstance(protocol, names().buffered_protocol);
  if (is_buffered < 0) throw_python_error();
  Owned take_data;
  Owned get_buffer;
  if (is_buffered != 0) {
    take_data = Owned::take(PyObject_GetAttr(protocol, names().buffer_updated));
    get_buffer = Owned::take(PyObject_GetAttr(protocol, names().get_buffer));
    if (!take_data || !get_buffer) throw_python_error();
  } else {
    take_data = Owned::take(PyObject_GetAttr(protocol, names().data_received));
    // A protocol that is only written to need not have one.
    if (!take_data) {
      if (PyErr_ExceptionMatches(PyExc_AttributeError) == 0) throw_python_error();
      PyErr_Clear();
    }
  }
  is_buffered_ = is_buffered != 0;
  feeds_reader_ = !is_buffered_ && ReaderFeed::stands_for(take_data.get());
  take_data_ = std::move(take_data);
  get_buffer_ = std::move(get_buffer);
  calls_.set_protocol(protocol);
}

void StreamPart::set_protocol(PyObject* protocol) {
  const bool was_buffered = is_buffered_;
  const bool is_another = protocol != calls_.protocol();
  look_up_methods(protocol);
  if (has_ended()) return;
  // Another adapter also where the memory of the one before must not be filled any more (L8).
  if (was_buffered == is_buffered_ && !(is_buffered_ && is_another)) return;
  in_bulk_ = false;
  loop().lent_buffer.release();
  transport_->set_protocol(make_adapter());
}

// --- what the core tells -----------------------------------------------------------------------------------

void StreamPart::connection_made() { calls_.as_a_callback(object(), names().connection_made, object()); }
void StreamPart::pause_writing() { calls_.within_call(names().pause_writing, nullptr); }
void StreamPart::resume_writing() { calls_.call(names().resume_writing, nullptr); }

bool StreamPart::eof_received() {
  const Owned keeps_open = calls_.call(names().eof_received, nullptr);
  if (!keeps_open) return false;  // interrupted: as if it had not said anything
  const int is_true = PyObject_IsTrue(keeps_open.get());
  if (is_true < 0) throw_python_error();
  if (is_true == 0 || !secured_) return is_true != 0;
  const Owned warned = Owned::take(PyObject_CallNoArgs(names().warn_of_open_eof));
  if (!warned) throw_python_error();
  return false;
}

void StreamPart::data_received(BytesView data) {
  const std::size_t size_bytes = data.size();
  if (!feed_reader(data))
    deliver(Owned::take(PyBytes_FromStringAndSize(data.text().data(), static_cast<Py_ssize_t>(size_bytes))));
  if (size_bytes >= (secured_ ? kRecordBytes : kMuchBytes)) receive_in_bulk(true);
}

void StreamPart::deliver(const Owned& bytes) {
  if (!bytes) throw_python_error();
  if (!take_data_) {
    PyErr_Format(PyExc_AttributeError, "%R has no data_received", protocol());
    throw_python_error();
  }
  const Owned method = Owned::share(take_data_.get());  // another protocol may be set from inside
  calls_.in_context(names().data_received, [&] { return call_one(method.get(), bytes.get()); });
}

/// False: it is to be delivered.
bool StreamPart::feed_reader(BytesView data) {
  if (!feeds_reader_ || loop().debug()) return false;
  const ReaderFeed reader(protocol(), data.size());
  if (!reader.is_ordinary()) return false;
  calls_.in_context(names().data_received, [&] { return reader.feed(data); });
  return true;
}

/// A plain protocol gets much at a time, or does so no longer: small messages are cheaper out of the memory
/// that the core lends.
void StreamPart::receive_in_bulk(bool in_bulk) {
  if (has_ended() || is_buffered_ || in_bulk_ == in_bulk) return;
  in_bulk_ = in_bulk;
  small_receives_ = 0;
  transport_->set_protocol(make_adapter());
}

MutableBytesView StreamPart::memory_for_bulk() { return loop().bytes_to_fill.memory(); }

void StreamPart::bulk_received(std::size_t size_bytes) {
  try {
    BytesToFill& filled = loop().bytes_to_fill;
    if (!feed_reader(filled.memory().first(size_bytes))) deliver(filled.take(size_bytes));
  } catch (...) {
    // The core would name another call.
    const std::exception_ptr exception = std::current_exception();
    loop().loop().call_exception_handler({.message = "Fatal error: protocol.data_received() call failed.",
                                          .exception = exception,
                                          .transport = transport_.get(),
                                          .protocol = transport_->get_protocol().get()});
    return transport_->abort_for(Error(exception));
  }
  if (size_bytes >= kLittleBytes) {
    small_receives_ = 0;
  } else if (++small_receives_ == kSmallReceives) {
    receive_in_bulk(false);
  }
}

MutableBytesView StreamPart::get_buffer() {
  const Owned asked = Owned::share(protocol());
  const Owned method = Owned::share(get_buffer_.get());
  const Owned buffer =
      calls_.in_context(names().get_buffer, [&] { return call_one(method.get(), names().minus_one); });
  if (!buffer) pause_reading_for_interruption();
  if (!buffer || asked.get() != protocol()) return {};  // replaced from inside: that one is asked for its own
  ExportedBuffer& lent = loop().lent_buffer;
  lent = ExportedBuffer(buffer.get(), ExportedBuffer::Access::write);
  return lent.memory();
}

/// The program ends, and no byte may be lost: nothing is received before the loop runs again.
void StreamPart::pause_reading_for_interruption() {
  if (!transport_->is_reading()) return;
  transport_->pause_reading();
  paused_for_interruption_ = true;
  loop().loop().call_soon([this, alive = Owned::share(object())] {
    if (paused_for_interruption_) resume_reading();
  });
}

/// Either decides what the program wants, whatever was done for it.
void StreamPart::pause_reading() {
  paused_for_interruption_ = false;
  transport_->pause_reading();
}

void StreamPart::resume_reading() {
  paused_for_interruption_ = false;
  transport_->resume_reading();
}

void StreamPart::buffer_updated(std::size_t size_bytes) {
  loop().lent_buffer.release();
  const Owned count = Owned::take(PyLong_FromSize_t(size_bytes));
  if (!count) throw_python_error();
  const Owned method = Owned::share(take_data_.get());
  calls_.in_context(names().buffer_updated, [&] { return call_one(method.get(), count.get()); });
}

void StreamPart::connection_lost(const Error& reason) {
  loop().lent_buffer.release();
  const Owned exception =
      secured_ && reason ? secured_->exception_for(reason.exception()) : exception_for_python(reason);
  if (!exception) throw_python_error();
  calls_.as_a_callback(object(), names().connection_lost, exception.get());
}

// --- the end -----------------------------------------------------------------------------------------------

void StreamPart::adapter_ends(const StreamAdapter& adapter) noexcept {
  if (adapter_ != &adapter) return;  // another kind has taken its place
  adapter_ = nullptr;
  const PendingError error;
  loop().lent_buffer.release();
  auto& transports = loop().transports();
  // Not where another one has taken it over.
  if (const auto found = transports.find(descriptor_);
      found != transports.end() && found->second == object()) {
    transports.erase(found);
  }
  let_go_of_file();
  take_data_.reset();
  get_buffer_.reset();
  calls_.clear();
  if (!server_) return;
  const Owned server = std::move(server_);
  const Owned attached = std::move(attached_);
  if (!call_method(loop_object(), names().detach_from_server, server.get(), attached.get()))
    calls_.was_in_vain(object());
}

/// A socket only forgets its descriptor, which the core is about to close; a pipe closes its own.
void StreamPart::let_go_of_file() noexcept {
  if (!file_) return;
  const Owned file = std::move(file_);
  const Owned closed = call_method(file.get(), is_socket_ ? names().detach : names().close);
  if (!closed) return calls_.was_in_vain(file.get());
  // The program has closed it behind our back: the number may be somebody else's by now.
  if (is_socket_ && PyObject_RichCompareBool(closed.get(), names().minus_one, Py_EQ) != 0)
    static_cast<void>(loop().core().backend().detach(channel_).release());
}

void StreamPart::was_left_open() noexcept {
  const PendingError error;
  if (PyErr_ResourceWarning(object(), 1, "unclosed transport %R", object()) < 0)
    PyErr_WriteUnraisable(object());
}

int StreamPart::traverse(visitproc visit, void* arg) const {
  for (const Owned* owned : {&file_, &server_, &attached_, &take_data_, &get_buffer_}) Py_VISIT(owned->get());
  if (const int stop = calls_.traverse(visit, arg); stop != 0) return stop;
  if (file_on_its_way != nullptr) Py_VISIT(file_on_its_way->future());
  return secured_ ? secured_->traverse(visit, arg) : 0;
}

void StreamPart::clear() noexcept {
  for (Owned* owned : {&file_, &server_, &attached_, &take_data_, &get_buffer_}) owned->reset();
  calls_.clear();
  if (secured_) secured_->clear();
}

}  // namespace tidegate::python
