// See checked_protocol.hpp.
#include "demo/checked_protocol.hpp"

#include <tidegate/transport.hpp>

#include "demo/callback_order.hpp"

#include <stdexcept>
#include <utility>

namespace tidegate::cli::demo {

namespace {

/// What both kinds have in common.
template <typename Kind>
class CheckedStream : public Kind {
 public:
  CheckedStream(std::string who, std::shared_ptr<Kind> protocol, std::shared_ptr<Witness> witness)
      : who_(std::move(who)), protocol_(std::move(protocol)), witness_(std::move(witness)) {}

  void connection_made(TransportRef transport) final {
    const Call call(*this, Callback::connection_made);
    transport_ = transport;
    witness_->opened(transport_);
    protocol_->connection_made(std::move(transport));
  }

  bool eof_received() final {
    const Call call(*this, Callback::eof_received);
    return protocol_->eof_received();
  }

  void pause_writing() final {
    const Call call(*this, Callback::pause_writing);
    protocol_->pause_writing();
  }

  void resume_writing() final {
    const Call call(*this, Callback::resume_writing);
    protocol_->resume_writing();
  }

  void connection_lost(const Error& reason) final {
    const Call call(*this, Callback::connection_lost);
    protocol_->connection_lost(reason);
    witness_->ended(who_, reason);
  }

 protected:
  /// From the beginning of a callback to its end, also where it throws.
  class Call {
   public:
    Call(CheckedStream& stream, Callback callback) : order_(stream.order_) {
      const std::string violation = order_.enter(callback);
      if (!violation.empty()) stream.witness_->violated(stream.who_, violation);
    }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    ~Call() { order_.leave(); }

   private:
    CallbackOrder& order_;
  };

  /// A protocol that has paused reading, or has closed, must be left alone.
  void check_is_reading(Callback callback) const {
    if (transport_ && !transport_->is_reading()) {
      witness_->violated(who_,
                         std::string(name_of(callback)) + " was called while reading is paused or closed");
    }
  }

  [[nodiscard]] Kind& protocol() const noexcept { return *protocol_; }
  [[nodiscard]] Witness& witness() const noexcept { return *witness_; }
  [[nodiscard]] const std::string& who() const noexcept { return who_; }

 private:
  std::string who_;
  std::shared_ptr<Kind> protocol_;
  std::shared_ptr<Witness> witness_;
  TransportRef transport_;
  CallbackOrder order_;
};

class CheckedProtocol final : public CheckedStream<Protocol> {
 public:
  using CheckedStream::CheckedStream;

  void data_received(BytesView data) override {
    const Call call(*this, Callback::data_received);
    check_is_reading(Callback::data_received);
    if (data.empty()) witness().violated(who(), "data_received was called without data");
    witness().received(data.size());
    protocol().data_received(data);
  }
};

class CheckedBufferedProtocol final : public CheckedStream<BufferedProtocol> {
 public:
  using CheckedStream::CheckedStream;

  MutableBytesView get_buffer(std::ptrdiff_t size_hint_bytes) override {
    const Call call(*this, Callback::get_buffer);
    check_is_reading(Callback::get_buffer);
    const MutableBytesView buffer = protocol().get_buffer(size_hint_bytes);
    buffer_bytes_ = buffer.size();
    return buffer;
  }

  void buffer_updated(std::size_t size_bytes) override {
    const Call call(*this, Callback::buffer_updated);
    if (size_bytes == 0 || size_bytes > buffer_bytes_) {
      witness().violated(who(), "buffer_updated was called with " + std::to_string(size_bytes) +
                                    " bytes for a buffer of " + std::to_string(buffer_bytes_));
    }
    witness().received(size_bytes);
    protocol().buffer_updated(size_bytes);
  }

 private:
  std::size_t buffer_bytes_ = 0;
};

}  // namespace

std::shared_ptr<StreamProtocol> checked(std::string who, const std::shared_ptr<StreamProtocol>& protocol,
                                        std::shared_ptr<Witness> witness) {
  if (auto plain = std::dynamic_pointer_cast<Protocol>(protocol)) {
    return std::make_shared<CheckedProtocol>(std::move(who), std::move(plain), std::move(witness));
  }
  if (auto buffered = std::dynamic_pointer_cast<BufferedProtocol>(protocol)) {
    return std::make_shared<CheckedBufferedProtocol>(std::move(who), std::move(buffered), std::move(witness));
  }
  throw std::invalid_argument("checked: a Protocol or a BufferedProtocol was expected");
}

}  // namespace tidegate::cli::demo
