// The fixture: see contract_test.hpp.
#include "contract/contract_test.hpp"

#include <iostream>

namespace tidegate::contract {

void ContractTest::SetUp() {
  const std::string obstacle = Rig::obstacle(GetParam());
  if (!obstacle.empty()) GTEST_SKIP() << obstacle;
  rig_ = std::make_unique<Rig>(GetParam());
}

void ContractTest::TearDown() {
  if (HasFailure() && rig_) std::cerr << rig_->traces();
  rig_.reset();
}

void ContractTest::connect_raw(const std::function<void()>& prepare) {
  rig().connect_raw([&](TracedEnd& end, RawPeer& arrived) {
    here_ = &end;
    peer_ = &arrived;
    if (prepare) prepare();
  });
}

void ContractTest::connect_pair(const std::function<void()>& prepare) {
  rig().connect_pair([&](TracedEnd& one, TracedEnd& other) {
    here_ = &one;
    there_ = &other;
    if (prepare) prepare();
  });
}

void ContractTest::reset_by_peer() {
  if (!rig().ground().is_tcp()) {
    // A Unix socket that is closed with bytes unread is reset.
    here().write("unread");
    rig().run_until([&] { return here().buffered() == 0; });
  }
  peer().reset();
}

void ContractTest::run_until_lost() {
  rig().run_until([&] { return here().lost(); }, "connection_lost");
}

}  // namespace tidegate::contract
