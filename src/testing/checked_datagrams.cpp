// Checked protocols of datagrams.
#include "testing/checked.hpp"

#include <string>

#include <fmt/format.h>

namespace tidegate::checking {

namespace {

class CheckedDatagramProtocol final : public CheckedBase<DatagramProtocol> {
 public:
  using CheckedBase::CheckedBase;

  void connection_made(DatagramTransportRef transport) override { check_made(std::move(transport)); }
  void datagram_received(BytesView data, const Endpoint& address) override {
    const Called called{.name = "datagram_received",
                        .clause = "D1",
                        .arguments = fmt::format("({} from {})", data.size(), address.to_string())};
    check(
        called,
        [&] {
          if (address.empty()) record()->breach("D1", "datagram_received without the sender's address");
          const std::optional<Observed> now = record()->observed();
          if (now && now->closing) record()->breach("L4", "datagram_received of a transport that is closing");
        },
        [&] { behind().datagram_received(data, address); });
  }
  void error_received(const Error& error) override {
    // A sendto may tell at once.
    const Called called{.name = "error_received",
                        .clause = "D2",
                        .arguments = fmt::format("({})", error.message()),
                        .may_nest = true};
    check(
        called,
        [&] {
          if (!error) record()->breach("D2", "error_received without an error");
        },
        [&] { behind().error_received(error); });
  }
  void connection_lost(const Error& reason) override {
    check_lost(reason, [] {});
  }
};

}  // namespace

std::shared_ptr<DatagramProtocol> make_checked(std::shared_ptr<ContractRecord> record,
                                               std::shared_ptr<DatagramProtocol> behind) {
  return std::make_shared<CheckedDatagramProtocol>(std::move(record), std::move(behind));
}

}  // namespace tidegate::checking
