// Calls and replies, a line each, with time-outs and retries; and a simulated network that finds out what is
// wrong with the first version of it. Prints the seed that does, what happened there, and that the second
// version stands on all of them.
#include <tidegate/testing.hpp>
#include <tidegate/tidegate.hpp>

#include <charconv>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

using namespace std::chrono_literals;

/// Cuts what arrives into lines: a line may come in any number of pieces.
class Lines {
 public:
  template <typename Use>
  void feed(tidegate::BytesView data, const Use& use) {
    waiting_ += data.text();
    for (std::size_t end; (end = waiting_.find('\n')) != std::string::npos; waiting_.erase(0, end + 1))
      use(std::string_view(waiting_).substr(0, end));
  }

 private:
  std::string waiting_;
};

// --- the server ----------------------------------------------------------------------------------

/// What it counts, and what it has answered: for all connections, for a client may come again.
struct Account {
  /// The second version remembers its answers, and gives the same one to a call that it has seen before.
  bool remembers = false;
  int balance = 0;
  std::map<std::string, std::string, std::less<>> replies;
};

/// "7 deposit 10" is answered by "7 <balance>".
class AccountServer final : public tidegate::Protocol {
 public:
  explicit AccountServer(Account& account) : account_(account) {}

  void connection_made(tidegate::TransportRef transport) override { transport_ = std::move(transport); }
  void data_received(tidegate::BytesView data) override {
    lines_.feed(data, [this](std::string_view line) { transport_->write(reply_to(line)); });
  }
  void connection_lost(const tidegate::Error&) override { transport_.reset(); }

 private:
  std::string reply_to(std::string_view line) {
    const std::string_view number = line.substr(0, line.find(' '));
    if (account_.remembers) {
      const auto known = account_.replies.find(number);
      if (known != account_.replies.end()) return known->second;
    }
    int amount = 0;
    const std::string_view text = line.substr(line.rfind(' ') + 1);
    std::from_chars(text.data(), text.data() + text.size(), amount);
    account_.balance += amount;
    std::string reply = std::string(number) + " " + std::to_string(account_.balance) + "\n";
    account_.replies.emplace(number, reply);
    return reply;
  }

  Account& account_;
  Lines lines_;
  tidegate::TransportRef transport_;
};

// --- the client ----------------------------------------------------------------------------------

class AccountClient final : public tidegate::Protocol {
 public:
  void connection_made(tidegate::TransportRef transport) override { transport_ = std::move(transport); }
  void data_received(tidegate::BytesView data) override {
    lines_.feed(data, [this](std::string_view line) {
      const auto waiting = waiting_.find(line.substr(0, line.find(' ')));
      if (waiting == waiting_.end() || waiting->second.done()) return;  // an answer that nobody awaits
      waiting->second.set_result(std::string(line.substr(line.find(' ') + 1)));
    });
  }
  void connection_lost(const tidegate::Error&) override { transport_.reset(); }

  /// Asks again where no answer has come within 300 ms.
  tidegate::Task<std::string> deposit(int amount) {
    const std::string number = std::to_string(++calls_);
    const std::string line = number + " deposit " + std::to_string(amount) + "\n";
    std::optional<std::string> reply;
    while (!reply) {
      auto answered = tidegate::get_running_loop().create_future<std::string>();
      waiting_.insert_or_assign(number, answered);
      transport_->write(line);
      auto waiting = tidegate::wait_for(answered, 300ms);
      try {
        reply = co_await std::move(waiting);
      } catch (const tidegate::TimeoutError&) {
        ++retries;
      }
    }
    waiting_.erase(number);
    co_return *reply;
  }

  int retries = 0;

 private:
  int calls_ = 0;
  Lines lines_;
  std::map<std::string, tidegate::Future<std::string>, std::less<>> waiting_;
  tidegate::TransportRef transport_;
};

// --- the test ------------------------------------------------------------------------------------

constexpr int kDeposits = 20;

/// Twenty deposits of one, one after the other.
tidegate::Task<> make_deposits(tidegate::Loop& loop, Account& account) {
  const auto make_server = [&account] { return std::make_unique<AccountServer>(account); };
  auto server = co_await loop.create_server(make_server, "10.0.0.1", 4000);
  const auto make_client = [] { return std::make_unique<AccountClient>(); };
  auto [transport, client] = co_await loop.create_connection(make_client, "bank.example", 4000);
  for (int count = 0; count < kDeposits; ++count) {
    auto call = client->deposit(1);
    co_await std::move(call);
  }
  transport->close();
  server.close();
  auto closed = server.wait_closed();
  co_await std::move(closed);
}

struct Outcome {
  int balance = 0;
  std::uint64_t trace_hash = 0;
};

/// One run, in the weather of a seed: segments of any size, and now and then one that has to be sent again,
/// which takes longer than the client's patience.
Outcome run(std::uint64_t seed, bool remembers) {
  tidegate::NetworkConditions weather = tidegate::NetworkConditions::rough(seed);
  weather.segment_loss = 0.02;
  weather.retransmission = 400ms;
  tidegate::SimulatedNetwork network(seed, weather);
  network.add_host("bank.example", "10.0.0.1");
  Account account;
  account.remembers = remembers;
  tidegate::Loop loop({.network = &network});
  loop.run_until_complete(make_deposits(loop, account));
  return {account.balance, network.trace_hash()};
}

/// The first seed of a thousand after which the balance is not what was deposited.
std::optional<std::uint64_t> first_failure(bool remembers) {
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    if (run(seed, remembers).balance != kDeposits) return seed;
  }
  return std::nullopt;
}

int main() {
  const std::optional<std::uint64_t> seed = first_failure(false);
  if (!seed) {
    std::cout << "The first version has withstood every seed." << std::endl;
    return 1;
  }
  const Outcome outcome = run(*seed, false);
  const bool again = run(*seed, false).trace_hash == outcome.trace_hash;
  std::cout << "First version: seed " << *seed << " shows it. " << kDeposits << " deposited, balance "
            << outcome.balance << ": a call was made again, and counted again." << std::endl;
  std::cout << (again ? "The same seed does the same again." : "The same seed does something else!")
            << std::endl;
  const std::optional<std::uint64_t> left = first_failure(true);
  std::cout << "Second version: " << (left ? "seed " + std::to_string(*left) : "none")
            << " of 1000 seeds fails." << std::endl;
  return again && !left ? 0 : 1;
}
