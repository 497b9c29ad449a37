// A checker of the contract between transports and protocols: stands in front of a protocol, on any loop, and
// tells of the first promise that is not kept, with what was called until then. For tests; part of
// <tidegate/testing.hpp>.
//
//     tidegate::ContractChecker checker;
//     auto factory = [&] { return checker.wrap(std::make_shared<EchoProtocol>()); };
//     Server server = loop.run_until_complete(loop.create_server(factory, "127.0.0.1", 0));
//     ...                                   // connections come and go
//     checker.check_all_ended();            // connection_lost has come for each of them
//     EXPECT_EQ(checker.report(), "");      // in a test of any framework
//
// What a failure reads like:
//
//     contract breach, R2, by the transport: data_received while reading is paused
//       connection_made
//       data_received(512)
//       > not reading
//       data_received(88)
#pragma once

#include <tidegate/datagram.hpp>
#include <tidegate/protocol.hpp>
#include <tidegate/subprocess.hpp>
#include <tidegate/transport.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace tidegate {

namespace checking {

class BreachLedger;

}  // namespace checking

/// A promise that was not kept.
struct Breach {
  /// Who has not kept it.
  enum class By : unsigned char { transport, protocol };

  /// The clause of the contract: "L2", "R1", "F1" ... What is called while another callback runs has the
  /// clause of what was called.
  std::string clause;
  /// One line for people: what was called, and why that was wrong.
  std::string what;
  By by = By::transport;
  /// The last callbacks of that connection, one a line, the offending one last; what was seen of the
  /// transport between them begins with ">", what a callback called in turn stands further right.
  std::string trace;

  /// All of it.
  [[nodiscard]] std::string text() const;
};

/// Called from inside of the offending callback. REQUIRES: throws nothing.
using BreachHandler = std::function<void(const Breach&)>;

/// Checks connections, as many as are wrapped with it, and keeps the first breach of any of them. A wrapped
/// protocol is told what it would be told without; after a breach as well.
///
/// What it holds the transport to: L1, L2 (once, first, last, nothing from inside of another callback but
/// what may come from there), L4, L6, L7 (what a callback threw is the reason of the end), L8, R1, R2, R3, R4
/// (memory too: nothing is written outside of the buffer and of its time), F1, F5, D1, D2, S1; and the
/// protocol to R4 (a buffer that is empty).
///
/// What a program calls is not seen; the transport is looked at before and after every callback instead: it
/// stays what it is, and can be given to `Loop::start_tls` and `Loop::sendfile`. So a transport that is
/// closing may still deliver what had arrived where its end has an error for a reason; where it has none,
/// that was data after `close()` (L4). Where `get_protocol` says that the transport is somebody else's by now
/// (TLS has come between, an unwrapped protocol has taken over), it is not looked at.
///
/// Cost: a `BufferedProtocol` is received through memory of the checker's, and copied once.
///
/// Thread: the loop's. Lifetime: wrapped protocols may outlive it; they are not checked any more then.
class ContractChecker {
 public:
  /// `on_breach` is told of the first one, at once.
  explicit ContractChecker(BreachHandler on_breach = {});
  ContractChecker(const ContractChecker&) = delete;
  ContractChecker& operator=(const ContractChecker&) = delete;
  ~ContractChecker();

  /// What to give to the loop instead of `protocol`: made for one connection, as a factory makes them. Throws
  /// std::invalid_argument where it is null.
  [[nodiscard]] std::shared_ptr<Protocol> wrap(std::shared_ptr<Protocol> protocol);
  [[nodiscard]] std::shared_ptr<BufferedProtocol> wrap(std::shared_ptr<BufferedProtocol> protocol);
  [[nodiscard]] std::shared_ptr<DatagramProtocol> wrap(std::shared_ptr<DatagramProtocol> protocol);
  [[nodiscard]] std::shared_ptr<SubprocessProtocol> wrap(std::shared_ptr<SubprocessProtocol> protocol);

  /// What to give to `set_protocol` instead of `next`, so that the connection of `present`, which was wrapped
  /// (`get_protocol` gives it), is checked on. Throws std::invalid_argument where it was not, or next is
  /// null.
  [[nodiscard]] static std::shared_ptr<Protocol> wrap_next(const std::shared_ptr<BaseProtocol>& present,
                                                           std::shared_ptr<Protocol> next);
  [[nodiscard]] static std::shared_ptr<BufferedProtocol> wrap_next(
      const std::shared_ptr<BaseProtocol>& present, std::shared_ptr<BufferedProtocol> next);
  [[nodiscard]] static std::shared_ptr<DatagramProtocol> wrap_next(
      const std::shared_ptr<BaseProtocol>& present, std::shared_ptr<DatagramProtocol> next);

  /// From now on looks at this transport: of a `wrapped` protocol that was given to `start_tls`, the new one.
  /// Throws std::invalid_argument where the protocol was not wrapped.
  static void look_at(const std::shared_ptr<BaseProtocol>& wrapped, TransportRef transport);

  /// A breach of L2 for a connection that is wrapped and was told no `connection_lost`, if there is one. For
  /// the end of a test, when everything should be over. Those that an unwrapped protocol was given by
  /// `set_protocol` count as well, and so do those over which the loop was closed.
  void check_all_ended();

  /// The first breach.
  [[nodiscard]] std::optional<Breach> breach() const;
  /// Its text, or nothing where there is none.
  [[nodiscard]] std::string report() const;
  /// Connections that were made, and have not ended.
  [[nodiscard]] std::size_t open_connections() const noexcept;

 private:
  std::shared_ptr<checking::BreachLedger> ledger_;
};

}  // namespace tidegate
