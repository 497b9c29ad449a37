// The event loop: runs callbacks, timers and tasks, makes transports, servers and connections.
#pragma once

#include <tidegate/borrowed.hpp>
#include <tidegate/callback.hpp>
#include <tidegate/datagram.hpp>
#include <tidegate/descriptor.hpp>
#include <tidegate/endpoint.hpp>
#include <tidegate/error.hpp>
#include <tidegate/future.hpp>
#include <tidegate/handle.hpp>
#include <tidegate/protocol.hpp>
#include <tidegate/server.hpp>
#include <tidegate/socket.hpp>
#include <tidegate/subprocess.hpp>
#include <tidegate/task.hpp>
#include <tidegate/tls.hpp>
#include <tidegate/transport.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace tidegate {

namespace loop {
class LoopCore;
}

/// The kernel interface that a loop stands on. What a protocol sees is the same on each of them.
enum class BackendKind {
  /// What the environment variable TIDEGATE_BACKEND names (`epoll`, `io_uring` or `auto`), else `epoll`.
  automatic,
  epoll,
  /// io_uring where the kernel grants it and has what is needed (Linux 6.1 and newer; containers often forbid
  /// it), and otherwise `epoll`, which the log says at debug level: `Loop::backend_name` tells which it is.
  io_uring,
  /// A kernel in memory, for tests: `LoopOptions::network`, which chooses it by itself.
  simulated,
};

class SimulatedNetwork;

/// How to make a loop.
struct LoopOptions {
  BackendKind backend = BackendKind::automatic;
  /// Debug mode from the start; also on with TIDEGATE_DEBUG=1 in the environment (contract E3).
  bool debug = false;
  /// Threads that `run_in_executor` may start; 0: as many as the machine has processors, plus four, 32 at
  /// most.
  std::size_t executor_threads = 0;
  /// How long the loop asks the kernel again and again before it sleeps, when there is nothing to do. Answers
  /// to what arrives within that time come without the cost of falling asleep and waking up, twice as fast
  /// and more on a quiet machine; the price is a processor that is busy meanwhile. Zero, the default: it
  /// sleeps at once. Negative counts as zero.
  Duration spin{};
  /// The loop stands on this simulated network, with its clock, instead of the system: see
  /// <tidegate/testing.hpp>. It starts no programs, watches no descriptors of the system's
  /// (`add_reader`, pipes of other processes), and runs `run_in_executor` on its own thread. Lifetime:
  /// outlives the loop.
  SimulatedNetwork* network = nullptr;
};

/// What the exception handler is told.
struct ExceptionContext {
  /// What went wrong, for people: "Exception in callback", "protocol.pause_writing() failed" ...
  std::string message;
  /// What was thrown; null where nothing was.
  std::exception_ptr exception = nullptr;
  /// The transport and the protocol concerned, where there are any. Lifetime: valid during the call.
  BaseTransport* transport = nullptr;
  BaseProtocol* protocol = nullptr;
};

/// Receives what nobody else could be told.
using ExceptionHandler = std::function<void(Loop&, const ExceptionContext&)>;

/// Makes a protocol for a connection.
using ProtocolFactory = UniqueFunction<std::shared_ptr<BaseProtocol>()>;

/// What `create_connection` gives: both ends of the contract.
template <typename ProtocolType = BaseProtocol>
struct Connection {
  TransportRef transport;
  std::shared_ptr<ProtocolType> protocol;
};

/// How `create_server` listens. Texts are copied before the call returns.
struct ServerOptions {
  AddressFamily family = AddressFamily::unspecified;
  /// Connections that may wait to be accepted; at least 1.
  int backlog = 100;
  /// SO_REUSEADDR: a restarted server gets its address back at once.
  bool reuse_address = true;
  /// SO_REUSEPORT: several servers share the address.
  bool reuse_port = false;
  /// SO_KEEPALIVE on accepted connections.
  bool keep_alive = false;
  /// False: bound, but neither listening nor accepting until `start_serving` or `serve_forever`.
  bool start_serving = true;
  /// Secures every connection: `connection_made` is called when its handshake is over; a client whose
  /// handshake fails is told to the exception handler and dropped (T1).
  Borrowed<TlsContext> tls = {};
  /// How long a handshake may take, and how long an end in order may take; left out: 60 s and 30 s (T2).
  /// Throws std::invalid_argument unless positive, or where there is no `tls`.
  std::optional<Duration> tls_handshake_timeout = std::nullopt;
  std::optional<Duration> tls_shutdown_timeout = std::nullopt;
};

/// How `create_unix_server` listens.
struct UnixServerOptions {
  int backlog = 100;
  bool start_serving = true;
  /// Remove the socket file when the server closes, if it is still the one that this server made.
  bool cleanup_socket = true;
  /// These three as ServerOptions'.
  Borrowed<TlsContext> tls = {};
  std::optional<Duration> tls_handshake_timeout = std::nullopt;
  std::optional<Duration> tls_shutdown_timeout = std::nullopt;
};

/// How `create_connection` connects. Texts are copied before the call returns.
struct ConnectOptions {
  AddressFamily family = AddressFamily::unspecified;
  /// How long an attempt may take before the next address is tried beside it (RFC 8305 suggests 250 ms);
  /// none: one after the other.
  std::optional<Duration> happy_eyeballs_delay = std::nullopt;
  /// Addresses of the first family before the families alternate; none: 1 with happy eyeballs, else the
  /// resolver's order is kept (0).
  std::optional<std::size_t> interleave = std::nullopt;
  /// The address to connect from; empty: the system chooses.
  std::string_view local_host = {};
  Port local_port = {};
  /// Secures the connection; the call returns when the handshake is over, and throws TlsError where it fails
  /// (T1).
  Borrowed<TlsContext> tls = {};
  /// Whom the server has to be, and what it is told (SNI); left out: the host; empty: nobody in particular,
  /// which the context has to allow (`check_hostname`).
  std::optional<std::string_view> server_hostname = std::nullopt;
  /// As ServerOptions'.
  std::optional<Duration> tls_handshake_timeout = std::nullopt;
  std::optional<Duration> tls_shutdown_timeout = std::nullopt;
  /// An earlier session with this server, to be resumed where it agrees.
  Borrowed<TlsSession> tls_session = {};
};

/// How a connection over a socket that is connected already, or to a Unix socket, is secured; see
/// ConnectOptions. There is no host to take a name from: `server_hostname` has to be given where the context
/// checks it.
struct SecureConnectOptions {
  Borrowed<TlsContext> tls = {};
  std::optional<std::string_view> server_hostname = std::nullopt;
  std::optional<Duration> tls_handshake_timeout = std::nullopt;
  std::optional<Duration> tls_shutdown_timeout = std::nullopt;
  Borrowed<TlsSession> tls_session = {};
};

/// How a connection that was accepted elsewhere is secured; see ServerOptions.
struct SecureAcceptOptions {
  Borrowed<TlsContext> tls = {};
  std::optional<Duration> tls_handshake_timeout = std::nullopt;
  std::optional<Duration> tls_shutdown_timeout = std::nullopt;
};

/// How `start_tls` secures a connection.
struct StartTlsOptions {
  /// As ConnectOptions'; there is no host to take a name from.
  std::optional<std::string_view> server_hostname = std::nullopt;
  std::optional<Duration> tls_handshake_timeout = std::nullopt;
  std::optional<Duration> tls_shutdown_timeout = std::nullopt;
  Borrowed<TlsSession> tls_session = {};
  /// What the protocol has received and belongs to the handshake: a ClientHello that came in one piece with
  /// the request for TLS. It is read as TLS and as nothing else (T6). Copied before the call returns.
  BytesView received = {};
};

/// What `sendfile` sends, and how.
struct SendfileOptions {
  /// Where it begins, in bytes from the beginning of the file.
  std::uint64_t offset = 0;
  /// How many bytes; left out: to the end of the file.
  std::optional<std::uint64_t> count = std::nullopt;
  /// Whether to read and write where the kernel can't send the file by itself.
  bool fallback = true;
};

/// What `getaddrinfo` is asked for.
struct ResolveOptions {
  AddressFamily family = AddressFamily::unspecified;
  /// Addresses to listen at rather than to connect to: an empty host means every interface.
  bool passive = false;
};

/// A name and a service, as `getnameinfo` returns them.
struct NameInfo {
  std::string host;
  std::string service;
};

/// What `getnameinfo` is asked for: numbers instead of names.
struct NameInfoOptions {
  bool numeric_host = false;
  bool numeric_service = false;
};

namespace detail {

template <typename Factory>
using MadeProtocol = typename std::invoke_result_t<std::decay_t<Factory>&>::element_type;

/// A callable that makes a protocol: it returns a std::unique_ptr or std::shared_ptr to a type derived from
/// BaseProtocol.
template <typename Factory>
concept MakesProtocol = std::derived_from<MadeProtocol<Factory>, BaseProtocol>;
template <typename Factory>
concept MakesSubprocessProtocol = std::derived_from<MadeProtocol<Factory>, SubprocessProtocol>;

/// As that, for datagrams.
template <typename Factory>
concept MakesDatagramProtocol = std::derived_from<MadeProtocol<Factory>, DatagramProtocol>;

template <typename Factory>
ProtocolFactory protocol_factory(Factory&& factory) {
  return [made = std::decay_t<Factory>(
              std::forward<Factory>(factory))]() mutable -> std::shared_ptr<BaseProtocol> { return made(); };
}

template <typename ProtocolType>
Task<Connection<ProtocolType>> typed(Task<Connection<BaseProtocol>> untyped) {
  auto connection = co_await std::move(untyped);
  co_return Connection<ProtocolType>{std::move(connection.transport),
                                     std::static_pointer_cast<ProtocolType>(std::move(connection.protocol))};
}

template <typename ProtocolType>
Task<DatagramEndpoint<ProtocolType>> typed(Task<DatagramEndpoint<>> untyped) {
  auto endpoint = co_await std::move(untyped);
  co_return DatagramEndpoint<ProtocolType>{
      std::move(endpoint.transport), std::static_pointer_cast<ProtocolType>(std::move(endpoint.protocol))};
}

template <typename ProtocolType>
Task<SubprocessConnection<ProtocolType>> typed(Task<SubprocessConnection<SubprocessProtocol>> untyped) {
  auto connection = co_await std::move(untyped);
  co_return SubprocessConnection<ProtocolType>{
      std::move(connection.transport),
      std::static_pointer_cast<ProtocolType>(std::move(connection.protocol))};
}

}  // namespace detail

/// An event loop. One per thread; any number of threads. The loop outlives what it made.
///
/// Thread: every member on the thread that runs the loop, unless it says otherwise; in debug mode a call from
/// a wrong thread is reported and throws InvalidStateError (contract E3).
class Loop {
 public:
  /// Throws OsError where the kernel refuses what the loop needs.
  explicit Loop(const LoopOptions& options = {});
  /// Closes it first where that has not happened. REQUIRES: not running.
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // --- running -----------------------------------------------------------------------------------

  /// Runs until `stop()`. Throws InvalidStateError where this loop, or another on this thread, runs already,
  /// or once closed.
  void run_forever();

  /// Runs until the task or the future is done and returns its result or throws what it threw. Throws
  /// InvalidStateError
  /// ("Event loop stopped before Future completed.") where `stop()` came first.
  template <typename T>
  T run_until_complete(Task<T> task);
  template <typename T>
  T run_until_complete(Future<T> future);

  /// Lets the present iteration finish, then `run_forever` returns (E1). Before running: one iteration is
  /// run.
  void stop() noexcept;
  [[nodiscard]] bool is_running() const noexcept;
  [[nodiscard]] bool is_closed() const noexcept;

  /// Ends the loop: waits for the executor's running jobs, destroys what is pending, reports open transports
  /// ("unclosed transport") and releases them (L10). Idempotent. Throws InvalidStateError while running.
  void close();

  // --- callbacks ---------------------------------------------------------------------------------

  /// Runs `callback` in the next iteration, after everything that was queued before (E1).
  Handle call_soon(Callback callback);

  /// As `call_soon`, from any thread; wakes the loop. What one thread queues runs in its order (E2). Throws
  /// InvalidStateError once the loop is closed. Thread: any.
  Handle call_soon_threadsafe(Callback callback);

  /// Runs `callback` once `delay` has passed, never early; ties in the order of the calls (E1).
  TimerHandle call_later(Duration delay, Callback callback);

  /// Runs `callback` at `when` on the loop's clock, never early.
  TimerHandle call_at(TimePoint when, Callback callback);

  /// Now, on the loop's clock.
  [[nodiscard]] TimePoint time() const noexcept;

  // --- futures, tasks, threads -------------------------------------------------------------------

  /// A future that the program completes itself.
  template <typename T = void>
  [[nodiscard]] Future<T> create_future();

  /// Starts a coroutine beside the present one: its first step runs soon.
  template <typename T>
  TaskHandle<T> create_task(Task<T> task);

  /// Runs `function` on a thread of the loop's pool; the future gets what it returns or throws. Cancelling
  /// the future keeps a function that has not started from starting.
  template <typename Function>
  auto run_in_executor(Function&& function) -> Future<std::invoke_result_t<std::decay_t<Function>&>>;

  // --- names -------------------------------------------------------------------------------------

  /// The addresses of a host, on the pool; numeric hosts are answered at once, on this thread. Throws
  /// ResolveError.
  [[nodiscard]] Task<std::vector<Endpoint>> getaddrinfo(std::string_view host, Port port,
                                                        const ResolveOptions& options = {});

  /// The name and service of an address, on the pool. Throws ResolveError.
  [[nodiscard]] Task<NameInfo> getnameinfo(const Endpoint& endpoint, const NameInfoOptions& options = {});

  // --- descriptors -------------------------------------------------------------------------------

  /// Calls `callback` in every iteration in which `descriptor` can be read without blocking, until
  /// `remove_reader`. Replaces an earlier one. Throws OsError for what can't be polled (a regular file),
  /// InvalidStateError where a transport uses the descriptor.
  void add_reader(FileDescriptor descriptor, Callback callback);
  /// True where there was one.
  bool remove_reader(FileDescriptor descriptor);
  /// As `add_reader`, for writing.
  void add_writer(FileDescriptor descriptor, Callback callback);
  /// True where there was one.
  bool remove_writer(FileDescriptor descriptor);

  // --- signals -----------------------------------------------------------------------------------

  /// Runs `callback` in the loop, not in signal context, when the process gets `signal_number` (E4). Replaces
  /// an earlier one. Throws std::invalid_argument for signals that can't be caught, InvalidStateError where
  /// another loop handles it.
  void add_signal_handler(int signal_number, Callback callback);
  /// Puts the disposition back as it was before; true where there was a handler.
  bool remove_signal_handler(int signal_number);

  // --- servers and connections -------------------------------------------------------------------

  /// Listens on every address that `host` resolves to; an empty host: every interface, IPv4 and IPv6.
  /// `factory` makes a fresh protocol for each connection (contract C1). Throws OsError that names the
  /// address, ResolveError, std::invalid_argument.
  template <detail::MakesProtocol Factory>
  [[nodiscard]] Task<Server> create_server(Factory&& factory, std::string_view host, Port port,
                                           const ServerOptions& options = {});

  /// As above, for several hosts. On GCC 12 name the list first: a braced list inside co_await does not
  /// compile there.
  template <detail::MakesProtocol Factory>
  [[nodiscard]] Task<Server> create_server(Factory&& factory, const std::vector<std::string>& hosts,
                                           Port port, const ServerOptions& options = {});

  /// As above, on a stream socket that is bound already. The socket belongs to the server from the call on.
  template <detail::MakesProtocol Factory>
  [[nodiscard]] Task<Server> create_server(Factory&& factory, Socket socket,
                                           const ServerOptions& options = {});

  /// Listens on a Unix socket: a path, or "@" and an abstract name. A stale socket file is replaced (C4).
  template <detail::MakesProtocol Factory>
  [[nodiscard]] Task<Server> create_unix_server(Factory&& factory, std::string_view path,
                                                const UnixServerOptions& options = {});

  /// Connects to the first address of `host` that answers (C3). The factory is called once, after connecting;
  /// `connection_made` has been called when this returns (L1). Throws ConnectError that names every address
  /// tried, ResolveError. Cancelling it closes every descriptor.
  template <detail::MakesProtocol Factory>
  [[nodiscard]] auto create_connection(Factory&& factory, std::string_view host, Port port,
                                       const ConnectOptions& options = {})
      -> Task<Connection<detail::MadeProtocol<Factory>>>;

  /// As above, over a stream socket that is connected already.
  template <detail::MakesProtocol Factory>
  [[nodiscard]] auto create_connection(Factory&& factory, Socket socket,
                                       const SecureConnectOptions& options = {})
      -> Task<Connection<detail::MadeProtocol<Factory>>>;

  /// Connects to a Unix socket: a path, or "@" and an abstract name (C4). Throws ConnectError.
  template <detail::MakesProtocol Factory>
  [[nodiscard]] auto create_unix_connection(Factory&& factory, std::string_view path,
                                            const SecureConnectOptions& options = {})
      -> Task<Connection<detail::MadeProtocol<Factory>>>;

  /// Makes a transport of a connection that was accepted elsewhere (C4).
  template <detail::MakesProtocol Factory>
  [[nodiscard]] auto connect_accepted_socket(Factory&& factory, Socket socket,
                                             const SecureAcceptOptions& options = {})
      -> Task<Connection<detail::MadeProtocol<Factory>>>;

  // --- upgrading, sending files ------------------------------------------------------------------

  /// Secures a live connection (contract T6): what `transport` still has to send goes first, then comes the
  /// handshake, as the client or the server that `context` is for. Returns the new transport, which calls
  /// `protocol` (usually the one that there is) without another `connection_made`; `transport` is not to be
  /// used again. Bytes that arrive from the call on are TLS's. Throws TlsError where the handshake fails, or
  /// what ended the connection, of which `protocol` is told as well by `connection_lost` (L2). Throws
  /// InvalidStateError where `transport` is closing already, std::invalid_argument as the options say.
  [[nodiscard]] Task<TransportRef> start_tls(TransportRef transport, std::shared_ptr<BaseProtocol> protocol,
                                             const TlsContext& context, const StartTlsOptions& options = {});

  /// Sends a file, or a part of it (contract N1): waits for what is buffered, then has the kernel send from
  /// the page cache; where they need it (TLS; a file that is a pipe), reads and writes in bounded pieces
  /// under flow control. Returns how many bytes were sent, fewer than asked for where the file is shorter.
  /// The file's position is behind the last byte sent then, also after a failure. Writing to `transport`
  /// meanwhile throws InvalidStateError, and reading goes on: pause it where `data_received` answers. Throws
  /// SendfileNotAvailableError without `fallback`; the connection's error, or ECONNABORTED, where it ends
  /// meanwhile. Cancelling it leaves the transport usable, with some of the bytes sent.
  /// Lifetime: `file` stays open until it is done, also after a cancellation.
  [[nodiscard]] Task<std::uint64_t> sendfile(TransportRef transport, FileDescriptor file,
                                             const SendfileOptions& options = {});

  // --- datagrams ---------------------------------------------------------------------------------

  /// Makes a datagram socket, UDP or Unix, and its transport (C4). `connection_made` has been called when
  /// this returns (L1). Where hosts have addresses of several families, the first family that works is taken.
  /// A Unix socket file that nobody receives at any more is replaced; the file stays when the transport ends.
  /// Throws std::invalid_argument where the options name neither an address nor a family, or nothing that
  /// fits together; ResolveError; OsError that names the address.
  template <detail::MakesDatagramProtocol Factory>
  [[nodiscard]] auto create_datagram_endpoint(Factory&& factory, const DatagramOptions& options)
      -> Task<DatagramEndpoint<detail::MadeProtocol<Factory>>>;

  /// As above, on a datagram socket that exists already: bound or not, connected or not. The socket belongs
  /// to the transport from the call on. Throws std::invalid_argument for another kind of socket.
  template <detail::MakesDatagramProtocol Factory>
  [[nodiscard]] auto create_datagram_endpoint(Factory&& factory, Socket socket)
      -> Task<DatagramEndpoint<detail::MadeProtocol<Factory>>>;

  // --- pipes -------------------------------------------------------------------------------------

  /// Reads what arrives at a pipe, a FIFO, a terminal or a socket. The transport reads only: `write` and
  /// `write_eof` throw NotSupportedError; an end of file closes it, whatever `eof_received` returns (P2).
  /// Throws std::invalid_argument ("Pipe transport is for pipes/sockets only.") for anything else, or for
  /// what is open for writing only; it stays the caller's then, open and as it was (P1). Throws OsError.
  /// Otherwise `descriptor` is taken over, non-blocking from the call on; it is closed when the transport has
  /// ended.
  template <detail::MakesProtocol Factory>
  [[nodiscard]] auto connect_read_pipe(Factory&& factory, OwnedFileDescriptor&& descriptor)
      -> Task<Connection<detail::MadeProtocol<Factory>>>;

  /// As above, for a descriptor that stays somebody else's, such as 0: the transport works on a duplicate.
  /// Its open file description, which other processes may share, is put back as found in the end (P4).
  template <detail::MakesProtocol Factory>
  [[nodiscard]] auto connect_read_pipe(Factory&& factory, FileDescriptor descriptor)
      -> Task<Connection<detail::MadeProtocol<Factory>>>;

  /// Writes to a pipe, a FIFO, a terminal or a socket. The transport writes only: `pause_reading` and
  /// `resume_reading` throw NotSupportedError, and `write_eof` is `close`. It notices that the reader has
  /// gone without a write: `connection_lost` with EPIPE where bytes were still buffered, else with an empty
  /// reason (P3). Otherwise as `connect_read_pipe`.
  template <detail::MakesProtocol Factory>
  [[nodiscard]] auto connect_write_pipe(Factory&& factory, OwnedFileDescriptor&& descriptor)
      -> Task<Connection<detail::MadeProtocol<Factory>>>;

  /// As above, for a descriptor that stays somebody else's, such as 1.
  template <detail::MakesProtocol Factory>
  [[nodiscard]] auto connect_write_pipe(Factory&& factory, FileDescriptor descriptor)
      -> Task<Connection<detail::MadeProtocol<Factory>>>;

  // --- subprocesses ------------------------------------------------------------------------------

  /// Starts `program`, which is searched for in PATH unless it names a folder, with `arguments` (its own name
  /// is put before them). Returns when the child runs and `connection_made` has been called. Throws OsError
  /// where it can't be started, with the error and what was attempted (S5), std::invalid_argument. The loop
  /// needs no handler of SIGCHLD and installs none. On GCC 12 name the list first: a braced list inside
  /// co_await does not compile there.
  template <detail::MakesSubprocessProtocol Factory>
  [[nodiscard]] auto subprocess_exec(Factory&& factory, std::string_view program,
                                     const std::vector<std::string>& arguments = {},
                                     const SubprocessOptions& options = {})
      -> Task<SubprocessConnection<detail::MadeProtocol<Factory>>>;

  /// The same with `/bin/sh -c command`. Quoting what comes from elsewhere is the caller's business.
  template <detail::MakesSubprocessProtocol Factory>
  [[nodiscard]] auto subprocess_shell(Factory&& factory, std::string_view command,
                                      const SubprocessOptions& options = {})
      -> Task<SubprocessConnection<detail::MadeProtocol<Factory>>>;

  // --- errors and debugging ----------------------------------------------------------------------

  /// Who is told of exceptions that nobody else can be told of; empty: the default, which logs. What the
  /// handler throws is logged.
  void set_exception_handler(ExceptionHandler handler);
  /// Tells the handler.
  void call_exception_handler(const ExceptionContext& context) noexcept;
  /// What happens without a handler: a line in the log.
  void default_exception_handler(const ExceptionContext& context) noexcept;

  void set_debug(bool enabled) noexcept;
  [[nodiscard]] bool get_debug() const noexcept;
  /// A callback that runs longer is logged in debug mode. Default: 100 ms (E3).
  void set_slow_callback_duration(Duration duration) noexcept;
  [[nodiscard]] Duration slow_callback_duration() const noexcept;

  /// The name of the kernel interface in use: "epoll" or "io_uring".
  [[nodiscard]] std::string_view backend_name() const noexcept;

  /// For the library's own parts.
  [[nodiscard]] loop::LoopCore& core() const noexcept { return *core_; }

 private:
  Task<Server> start_server(ProtocolFactory factory, std::vector<std::string> hosts, Port port,
                            const ServerOptions& options);
  Task<Server> start_server(ProtocolFactory factory, Socket socket, const ServerOptions& options);
  Task<Server> start_unix_server(ProtocolFactory factory, std::string_view path,
                                 const UnixServerOptions& options);
  Task<Connection<BaseProtocol>> connect(ProtocolFactory factory, std::string_view host, Port port,
                                         const ConnectOptions& options);
  Task<Connection<BaseProtocol>> connect_unix(ProtocolFactory factory, std::string_view path,
                                              const SecureConnectOptions& options);
  Task<Connection<BaseProtocol>> connect_over(ProtocolFactory factory, Socket socket,
                                              const SecureConnectOptions& options);
  Task<Connection<BaseProtocol>> accept_over(ProtocolFactory factory, Socket socket,
                                             const SecureAcceptOptions& options);
  Task<DatagramEndpoint<>> open_datagrams(ProtocolFactory factory, const DatagramOptions& options);
  Task<DatagramEndpoint<>> adopt_datagrams(ProtocolFactory factory, Socket socket);
  Task<Connection<BaseProtocol>> connect_pipe(ProtocolFactory factory, OwnedFileDescriptor& descriptor,
                                              bool reads);
  Task<Connection<BaseProtocol>> connect_pipe(ProtocolFactory factory, FileDescriptor descriptor, bool reads);
  Task<SubprocessConnection<SubprocessProtocol>> start_subprocess(ProtocolFactory factory,
                                                                  std::string_view program,
                                                                  std::vector<std::string> arguments,
                                                                  const SubprocessOptions& options);
  void run_until_done(detail::FutureCore& future);
  void execute(Callback job);

  std::unique_ptr<loop::LoopCore> core_;
};

/// The loop that runs on this thread. Throws InvalidStateError ("no running event loop").
/// Thread: any; each has its own answer.
[[nodiscard]] Loop& get_running_loop();

/// Makes a loop, runs `task` to its end, cancels the tasks that are left, closes the loop, and returns the
/// result or throws what the task threw. The usual entry of a program. Throws InvalidStateError where a loop
/// runs on this thread already.
template <typename T>
T run(Task<T> task, const LoopOptions& options = {});

}  // namespace tidegate

#include <tidegate/detail/loop_templates.hpp>
