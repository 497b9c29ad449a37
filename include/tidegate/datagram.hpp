// Datagrams: messages that arrive whole or not at all, in any order. The protocol that is told of them, the
// transport that sends them, and how the loop is asked for both (Loop::create_datagram_endpoint).
//
// The order of calls (contract L1, L2, D1, D2):
//     connection_made -> [datagram_received | error_received]* -> connection_lost
// with pause_writing and resume_writing strictly alternating in between. Every call comes from the loop, on
// its thread, except pause_writing, which a `sendto` or a `set_write_buffer_limits` may call before it
// returns, and error_received, which a `sendto` may.
#pragma once

#include <tidegate/bytes.hpp>
#include <tidegate/endpoint.hpp>
#include <tidegate/error.hpp>
#include <tidegate/protocol.hpp>
#include <tidegate/ref.hpp>
#include <tidegate/socket.hpp>
#include <tidegate/transport.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace tidegate {

class DatagramTransport;

/// A share in a datagram transport. Safe to keep and to call for ever: after `connection_lost` calls do
/// nothing.
using DatagramTransportRef = Ref<DatagramTransport>;

/// What is told of datagrams, UDP's or those of a Unix socket.
class DatagramProtocol : public BaseProtocol {
 public:
  /// The socket is there: called exactly once, before every other call (L1). Keep `transport` to send with
  /// it.
  virtual void connection_made(DatagramTransportRef transport) { static_cast<void>(transport); }

  /// One datagram: whole, possibly empty, exactly as it was sent (D1). `address` is the sender's; a Unix
  /// socket without a name has `Endpoint::unix_unnamed()`. Should it throw, that is reported to the loop's
  /// exception handler and the transport lives on: anybody may send anything. Lifetime: both are valid until
  /// this returns. (An answer costs least where `address` itself is given to `sendto`, not a copy.)
  virtual void datagram_received(BytesView data, const Endpoint& address) {
    static_cast<void>(data);
    static_cast<void>(address);
  }

  /// The system refused a datagram, or was told that one did not arrive: nobody listens there (ECONNREFUSED),
  /// it was too large (EMSGSIZE), there is no way (ENETUNREACH) ... The transport lives on (D2). Most losses
  /// are silent. Should it throw, that is reported, too.
  virtual void error_received(const Error& error) { static_cast<void>(error); }

 private:
  [[nodiscard]] Kind kind() const noexcept final { return Kind::datagram; }
};

/// Sends and receives datagrams through one socket: UDP over IPv4 or IPv6, or a Unix datagram socket.
class DatagramTransport : public BaseTransport {
 public:
  /// Sends one datagram, which may be empty, to the address that the transport was made with (D2). Never
  /// blocks; the memory is the caller's again when it returns. What the system has no room for waits in
  /// order, counted with 8 bytes more than its size (D3). What is sent from inside of a callback for received
  /// data, of any transport of the loop, leaves together with what others send before the loop blocks.
  ///
  /// May call `pause_writing` (F1) and `error_received` before it returns; from inside of `error_received` it
  /// only queues, and what goes over the high mark there pauses untried. Ignored after the connection was
  /// lost. Throws std::invalid_argument where the transport has no such address.
  virtual void sendto(BytesView data) = 0;

  /// The same, to `address`. Where the transport was made with a remote address, throws std::invalid_argument
  /// for any other (D2). The empty endpoint is none.
  virtual void sendto(BytesView data, const Endpoint& address) = 0;

  /// Drops what waits to be sent and ends; `connection_lost` with an empty reason comes soon (D4).
  virtual void abort() = 0;

  // --- flow control ------------------------------------------------------------------------------

  /// Sets the marks. Throws std::invalid_argument unless high >= low, and changes nothing then (F3). May call
  /// `pause_writing` before it returns (F5).
  virtual void set_write_buffer_limits(const WriteBufferLimitOptions& limits) = 0;

  /// The present marks (F5).
  [[nodiscard]] virtual WriteBufferLimits get_write_buffer_limits() const noexcept = 0;

  /// What the system has not taken yet: the bytes of the datagrams that wait, and 8 for each (D3); O(1).
  [[nodiscard]] virtual std::size_t get_write_buffer_size() const noexcept = 0;

  // --- who and what ------------------------------------------------------------------------------

  /// Hands the socket to another protocol from the next callback on (L8). `connection_made` is not called on
  /// it. Throws std::invalid_argument unless it is a DatagramProtocol.
  virtual void set_protocol(std::shared_ptr<BaseProtocol> protocol) = 0;

  /// The present protocol; null after `connection_lost` (L8).
  [[nodiscard]] virtual std::shared_ptr<BaseProtocol> get_protocol() const = 0;

  /// The address that the socket is connected to; empty where it is not.
  [[nodiscard]] virtual Endpoint peername() const = 0;

  /// This end's address.
  [[nodiscard]] virtual Endpoint sockname() const = 0;

  /// The socket, until `connection_lost` has returned (L9); without a descriptor afterwards.
  [[nodiscard]] virtual SocketView socket() const noexcept = 0;

 protected:
  ~DatagramTransport() = default;
};

/// What `create_datagram_endpoint` gives: both ends of the contract.
template <typename ProtocolType = DatagramProtocol>
struct DatagramEndpoint {
  DatagramTransportRef transport;
  std::shared_ptr<ProtocolType> protocol;
};

/// Where a datagram socket is, or where it sends to: a host and a port, a Unix path, or nowhere in
/// particular.
///
/// Lifetime: refers to the text that it was made of.
class DatagramAddress {
 public:
  /// None.
  constexpr DatagramAddress() noexcept = default;
  /// A name or an address; an empty host is every interface (local; of IPv4 unless `family` says otherwise)
  /// or this machine (remote).
  constexpr DatagramAddress(std::string_view host, Port port) noexcept
      : text_(host), port_(port), kind_(Kind::host) {}
  /// A Unix path, or "@" and an abstract name.
  constexpr DatagramAddress(std::string_view path) noexcept  // NOLINT(google-explicit-constructor)
      : text_(path), kind_(Kind::path) {}
  constexpr DatagramAddress(const char* path) noexcept  // NOLINT(google-explicit-constructor)
      : DatagramAddress(std::string_view(path)) {}
  DatagramAddress(const std::string& path) noexcept  // NOLINT(google-explicit-constructor)
      : DatagramAddress(std::string_view(path)) {}

  /// Whether there is one.
  [[nodiscard]] constexpr bool given() const noexcept { return kind_ != Kind::none; }
  /// Whether it is of a Unix socket.
  [[nodiscard]] constexpr bool is_path() const noexcept { return kind_ == Kind::path; }
  /// The host or the path.
  [[nodiscard]] constexpr std::string_view text() const noexcept { return text_; }
  /// 0 for a path.
  [[nodiscard]] constexpr Port port() const noexcept { return port_; }

 private:
  enum class Kind : unsigned char { none, host, path };

  std::string_view text_;
  Port port_;
  Kind kind_ = Kind::none;
};

/// How `create_datagram_endpoint` makes its socket. Texts are copied before the call returns.
struct DatagramOptions {
  /// Where to receive: `{"0.0.0.0", 9999}`, or a path; none: the system chooses when something is sent.
  DatagramAddress local = {};
  /// The only one to talk to: what others send is not received, and `sendto` needs no address. None: anybody.
  DatagramAddress remote = {};
  /// Needed where neither address is given; otherwise, of which kind they have to be.
  AddressFamily family = AddressFamily::unspecified;
  /// SO_REUSEPORT: several sockets share the local address.
  bool reuse_port = false;
  /// SO_BROADCAST. The socket is not connected to `remote` then, so that answers may come from anywhere.
  bool allow_broadcast = false;
};

}  // namespace tidegate
