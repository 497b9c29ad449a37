// See upgrade.hpp.
#include "sim/upgrade.hpp"

#include "sim/stream_end.hpp"
#include "sim/tls_terms.hpp"

#include <chrono>
#include <utility>
#include <vector>

namespace tidegate::workload {

using namespace std::chrono_literals;

namespace {

constexpr Duration kUsualTimeout = 60s;
constexpr unsigned kMostLayers = 2;

}  // namespace

void EndUpgrade::fault(const std::string& what) { stage_.diary.fault(end_.number(), what); }

// --- one end ---------------------------------------------------------------------------------------

void EndUpgrade::agree(std::shared_ptr<UpgradePact> pact, const UpgradeTerms& terms) {
  pact_ = std::move(pact);
  terms_ = terms;
}

BytesView EndUpgrade::in_the_clear(BytesView data, std::size_t left_bytes) {
  if (!is_expected_ || data.size() <= left_bytes) return data;
  early_ += data.drop(left_bytes).text();
  return data.first(left_bytes);
}

void EndUpgrade::clear_part_is_over() {
  if (!is_expected_) return;
  const auto start_if_expected = [this] {
    if (is_expected_) start();
  };
  switch (stage_.random.below(3)) {
    case 0:
      return start();
    case 1:
      stage_.loop.call_soon(start_if_expected);
      return;
    default:
      stage_.loop.call_later(stage_.some_time(1s), start_if_expected);
  }
}

void EndUpgrade::start() {
  is_expected_ = false;
  const TransportRef transport = end_.transport();
  if (!transport || !end_.is_open() || transport->is_closing()) return may_fail();
  stage_.diary.note(end_.number(), "start_tls", static_cast<std::int64_t>(early_.size()));
  // One that was paused is owed a resume_writing, and remains.
  std::shared_ptr<BaseProtocol> protocol = transport->get_protocol();
  if (!end_.is_paused() && stage_.random.chance(30)) protocol = end_.make_next_protocol(protocol);
  StartTlsOptions options{.tls_handshake_timeout = terms_.handshake_timeout, .received = early_};
  if (!terms_.context.is_server()) options.server_hostname = terms_.server_hostname;
  is_under_way_ = true;
  begin_ = stage_.loop.time();
  try {
    auto upgrading = stage_.loop.start_tls(transport, std::move(protocol), terms_.context, options);
    task_ = stage_.loop.create_task(follow(std::move(upgrading), pact_));
  } catch (...) {
    return fault("start_tls was refused: " + describe(std::current_exception()));
  }
  early_.clear();
  if (stage_.random.chance(8)) give_up_later();
}

void EndUpgrade::give_up_later() {
  const auto give_up = [this] {
    if (task_.done()) return;
    stage_.diary.note(end_.number(), "cancel start_tls", 0);
    may_fail();
    was_cancelled_ = true;
    end_.may_be_aborted();
    static_cast<void>(task_.cancel());
  };
  stage_.loop.call_later(stage_.some_time(2s), give_up);
}

Task<> EndUpgrade::follow(Task<TransportRef> upgrading, std::shared_ptr<UpgradePact> pact) {
  std::exception_ptr failure;
  TransportRef secured;
  try {
    secured = co_await std::move(upgrading);
  } catch (...) {
    failure = std::current_exception();
  }
  is_under_way_ = false;
  pact_ = nullptr;
  const Duration passed = stage_.loop.time() - begin_;
  stage_.diary.note(end_.number(), failure == nullptr ? "upgraded" : "not upgraded", passed.count());
  if (passed > terms_.handshake_timeout.value_or(kUsualTimeout) + 1s)
    fault("start_tls has taken longer than its time-out (T2)");
  if (failure != nullptr) {
    check_failure(*pact, failure);
    end_.upgraded(nullptr);
  } else {
    check_success(*pact, secured);
    end_.upgraded(secured);
  }
}

void EndUpgrade::check_success(const UpgradePact& pact, const TransportRef& secured) {
  if (pact.must_fail) fault("start_tls has succeeded over what it must fail of (T1, T6)");
  if (tls_object(*secured) == nullptr) fault("start_tls has returned a transport without TLS (T5)");
}

void EndUpgrade::check_failure(UpgradePact& pact, const std::exception_ptr& failure) {
  const std::string what = describe(failure);
  bool is_right = false;
  try {
    std::rethrow_exception(failure);
  } catch (const CancelledError&) {
    is_right = was_cancelled_;
  } catch (const std::system_error& error) {
    const Duration passed = stage_.loop.time() - begin_;
    const bool has_timed_out = error.code() == TlsErrc::handshake_timed_out;
    if (has_timed_out && passed < terms_.handshake_timeout.value_or(kUsualTimeout))
      fault("the handshake has timed out early (T2)");
    is_right = has_timed_out || pact.may_fail || pact.must_fail || !stage_.is_gentle;
    thrown_ = error.code();
    compare_reasons();
  } catch (...) {
    is_right = false;
  }
  pact.may_fail = true;  // on the other end
  if (!is_right) fault("start_tls has failed: " + what + " (T6)");
}

void EndUpgrade::connection_lost(const Error& reason) {
  may_fail();
  is_expected_ = false;
  if (!is_under_way_ && !thrown_) return;
  reason_ = reason.code();
  compare_reasons();
}

/// Whoever waits and the protocol are told the same, unless somebody has aborted it: then the protocol has
/// nothing to be told of (L3).
void EndUpgrade::compare_reasons() {
  if (!thrown_ || !reason_ || end_.may_have_been_aborted()) return;
  if (*thrown_ != *reason_)
    fault("start_tls has thrown " + thrown_->message() + ", and connection_lost was told " +
          reason_->message() + " (T6)");
}

// --- both ------------------------------------------------------------------------------------------

namespace {

/// Both ends of a connection that may be upgraded now, as far as one can say.
bool may_upgrade(const StreamEnd& first, const StreamEnd& second) {
  return first.may_upgrade() && second.may_upgrade() && first.peer() == &second && second.peer() == &first;
}

UpgradeTerms some_terms(Stage& stage, UpgradePact& pact, bool is_client) {
  UpgradeTerms terms{.context = is_client ? client_context() : server_context(),
                     .server_hostname = "localhost",
                     .handshake_timeout = std::nullopt};
  if (stage.random.chance(10)) {
    terms.handshake_timeout = 1us + stage.some_time(2s);
    pact.may_fail = true;
  }
  if (!is_client || !stage.random.chance(10)) return terms;
  pact.must_fail = true;
  if (stage.random.chance(50)) {
    terms.context = distrusting_context();
  } else {
    terms.server_hostname = "somebody.example";
  }
  return terms;
}

/// While one end waits for what the other has said in the clear; where nothing comes of it, it may speak
/// again.
class Silence {
 public:
  explicit Silence(EndUpgrade& upgrade) noexcept : upgrade_(&upgrade) {}
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;
  ~Silence() {
    if (upgrade_ != nullptr) upgrade_->forget();
  }
  void goes_on() noexcept { upgrade_ = nullptr; }

 private:
  EndUpgrade* upgrade_;
};

/// The second end has said all that it says in the clear before the first one begins, for what comes then is
/// TLS to that. What the first has said may still be under way: the second begins when it has arrived, with
/// what came along behind it.
Task<> upgrade(Stage& stage, StreamEnd& first, StreamEnd& second) {
  const auto pact = std::make_shared<UpgradePact>();
  const bool first_is_client = stage.random.chance(50);
  stage.diary.note(first.number(), "agrees on TLS", second.number());
  const UpgradeTerms first_terms = some_terms(stage, *pact, first_is_client);
  const UpgradeTerms second_terms = some_terms(stage, *pact, !first_is_client);
  Silence silence(second.upgrade());
  second.upgrade().agree(pact, second_terms);
  constexpr int kLooks = 100;
  for (int looks = 0; second.unheard_bytes() > 0 && looks < kLooks; ++looks) {
    auto pause = sleep(stage.some_time(300ms));
    co_await std::move(pause);
  }
  const bool nobody_has_left = first.is_open() && second.is_open() && !stage.is_finale;
  if (!nobody_has_left || second.unheard_bytes() > 0 || !first.may_upgrade() || !second.may_go_on())
    co_return;
  silence.goes_on();
  first.upgrade().agree(pact, first_terms);
  second.upgrade().expect();
  if (stage.random.chance(8)) {
    // Somebody slips something in, as a part of what is protected (T6).
    pact->must_fail = true;
    first.transport()->write(std::string(1 + stage.some_size(300), 'i'));
  }
  first.upgrade().start();
  if (first.unheard_bytes() == 0) second.upgrade().clear_part_is_over();
  const auto goes_on = [](StreamEnd& end) {
    return end.is_open() && (end.upgrade().is_under_way() || end.upgrade().is_expected());
  };
  while (goes_on(first) || goes_on(second)) {
    auto pause = sleep(1s);
    co_await std::move(pause);
  }
}

}  // namespace

Task<> upgrade_some_connection(Stage& stage) {
  std::vector<StreamEnd*> fitting;
  for (const auto& end : stage.streams) {
    StreamEnd* const peer = end->peer();
    if (peer == nullptr || !may_upgrade(*end, *peer) || end->layers() >= kMostLayers) continue;
    if (end->layers() == 0 || stage.random.chance(30)) fitting.push_back(end.get());
  }
  if (fitting.empty() || !has_tls()) co_return;
  StreamEnd& first = *stage.one_of(fitting);
  auto upgrading = upgrade(stage, first, *first.peer());
  co_await std::move(upgrading);
}

}  // namespace tidegate::workload
