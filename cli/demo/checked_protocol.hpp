// Protocols that stand between a transport and another protocol, and report each call that breaks the
// contract.
#pragma once

#include <tidegate/error.hpp>
#include <tidegate/protocol.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace tidegate::cli::demo {

/// Who is told what checked protocols see.
class Witness {
 public:
  Witness() = default;
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;
  virtual ~Witness() = default;

  virtual void opened(const TransportRef& transport) = 0;
  virtual void received(std::size_t size_bytes) = 0;
  /// `who` is the name under which the protocol is checked.
  virtual void violated(std::string_view who, std::string_view what) = 0;
  /// Told last, after `connection_lost` of the protocol.
  virtual void ended(std::string_view who, const Error& reason) = 0;
};

/// The same protocol, watched: a Protocol for a Protocol, a BufferedProtocol for a BufferedProtocol.
[[nodiscard]] std::shared_ptr<StreamProtocol> checked(std::string who,
                                                      const std::shared_ptr<StreamProtocol>& protocol,
                                                      std::shared_ptr<Witness> witness);

}  // namespace tidegate::cli::demo
