// See datagram_end.hpp.
#include "sim/datagram_end.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>

namespace tidegate::workload {

namespace {

class Part final : public DatagramProtocol {
 public:
  explicit Part(DatagramEnd& end) : end_(end) {}
  void connection_made(DatagramTransportRef transport) override {
    end_.connection_made(std::move(transport));
  }
  void datagram_received(BytesView data, const Endpoint& address) override { end_.received(data, address); }
  void error_received(const Error&) override { end_.error_received(); }
  void pause_writing() override { end_.pause_writing(); }
  void resume_writing() override { end_.resume_writing(); }
  void connection_lost(const Error&) override { end_.connection_lost(); }

 private:
  DatagramEnd& end_;  // Lifetime: the stage's, which outlives the loop
};

/// What a datagram begins with; the rest of it follows from that.
struct Label {
  std::uint32_t writer;
  std::uint32_t number;
};

std::string datagram_of(const Label& label, std::size_t size_bytes) {
  std::string bytes(sizeof label + size_bytes, '\0');
  std::memcpy(bytes.data(), &label, sizeof label);
  for (std::size_t at = sizeof label; at < bytes.size(); ++at)
    bytes[at] = static_cast<char>(label.writer * 31 + label.number * 7 + at);
  return bytes;
}

constexpr std::size_t kSendsAllowed = 60;

}  // namespace

std::shared_ptr<DatagramProtocol> DatagramEnd::make_protocol() {
  return stage_.checker.wrap(std::make_shared<Part>(*this));
}

// --- what is called --------------------------------------------------------------------------------

void DatagramEnd::connection_made(DatagramTransportRef transport) {
  transport_ = std::move(transport);
  made_ = true;
  note("connection_made");
  act_in_callback();
}

void DatagramEnd::received(BytesView data, const Endpoint& address) {
  note("datagram_received", data.size());
  if (closed_) fault("a datagram after close() (D4)");
  if (!data.empty()) {
    Label label{};
    if (data.size() < sizeof label) return fault("a datagram that nobody sent (D1)");
    std::memcpy(&label, data.data(), sizeof label);
    const bool known = label.writer > 0 && label.writer <= stage_.datagrams.size() &&
                       label.number < stage_.datagrams[label.writer - 1]->sent_.size();
    if (!known) return fault("a datagram of somebody who is not there (D1)");
    const std::size_t size = stage_.datagrams[label.writer - 1]->sent_[label.number];
    if (BytesView(datagram_of(label, size)) != data) return fault("a datagram that was cut or changed (D1)");
  }
  if (stage_.random.chance(20)) answer(data, address);
  act_in_callback();
}

void DatagramEnd::error_received() {
  note("error_received");
  act_in_callback();
}

void DatagramEnd::pause_writing() {
  note("pause_writing", transport_->get_write_buffer_size());
  writing_paused_ = true;
  act_in_callback();
}

void DatagramEnd::resume_writing() {
  note("resume_writing", transport_->get_write_buffer_size());
  writing_paused_ = false;
  act_in_callback();
}

void DatagramEnd::connection_lost() {
  note("connection_lost");
  lost_ = true;
  if (stage_.random.chance(50)) transport_.reset();
}

// --- what it does ----------------------------------------------------------------------------------

void DatagramEnd::act() {
  if (stage_.is_finale || !transport_) return;
  Random& random = stage_.random;
  if (random.chance(stage_.mood.ending)) return random.chance(50) ? close() : abort();
  if (random.chance(10)) return set_limits();
  if (!writing_paused_ || random.chance(20)) send();
}

void DatagramEnd::act_in_callback() {
  if (stage_.is_finale || !transport_) return;
  while (transport_ && stage_.random.chance(stage_.mood.acting)) act();
  if (!stage_.random.chance(stage_.mood.throwing)) return;
  note("throw");
  throw Mischief();
}

void DatagramEnd::send() {
  if (sent_.size() >= kSendsAllowed) return;
  if (stage_.random.chance(5)) return send(BytesView());
  const Label label{.writer = number_, .number = static_cast<std::uint32_t>(sent_.size())};
  sent_.push_back(stage_.some_size(60'000));
  std::string bytes = datagram_of(label, sent_.back());
  send(BytesView(bytes));
  std::fill(bytes.begin(), bytes.end(), 'X');  // it is ours again
}

void DatagramEnd::send(BytesView data) {
  note("sendto", data.size());
  const DatagramTransportRef kept = transport_;  // a callback from inside may let go of it
  if (connected_) return kept->sendto(data);
  DatagramEnd& other = *stage_.one_of(stage_.datagrams);
  if (other.is_open() && other.transport_) {
    const Endpoint address = other.address();
    if (address.family() == kept->sockname().family()) kept->sendto(data, address);
  }
}

/// As it came, to the very address that it came with.
void DatagramEnd::answer(BytesView data, const Endpoint& address) {
  if (!transport_ || connected_ || address == Endpoint::unix_unnamed() || sent_.size() >= kSendsAllowed)
    return;
  note("answer", data.size());
  sent_.push_back(0);  // counts among those that are allowed
  const DatagramTransportRef kept = transport_;
  kept->sendto(data, address);
}

void DatagramEnd::set_limits() {
  note("set_write_buffer_limits");
  const DatagramTransportRef kept = transport_;
  kept->set_write_buffer_limits({.high = stage_.some_size(100'000), .low = 0});
}

void DatagramEnd::close() {
  note("close");
  closed_ = true;
  transport_->close();
}

void DatagramEnd::abort() {
  note("abort");
  closed_ = true;
  transport_->abort();
}

// --- the end ---------------------------------------------------------------------------------------

void DatagramEnd::finish(bool aborts) {
  if (!is_open() || !transport_) return;
  if (aborts) {
    abort();
  } else {
    close();
  }
}

void DatagramEnd::check_end() {
  if (is_open()) fault("connection_lost never came (L2)");
}

}  // namespace tidegate::workload
