// Python's TLS with ciphertext by way of the module's own MemoryBIOs: possible with whatever OpenSSL the
// module `ssl` was built with. Each byte is copied once more on its way in, and once on its way out, into
// memory that OpenSSL clears first.
#pragma once

#include "ssl_engine.hpp"

#include <cstddef>
#include <utility>

namespace tidegate::python {

/// Thread: as SslEngine.
class MemoryBioEngine final : public SslEngine {
 public:
  /// See SslEngine::make.
  MemoryBioEngine(const Terms& terms, tls::CiphertextSink& sink);

  void feed(BytesView ciphertext) noexcept override { input_ = ciphertext; }
  [[nodiscard]] std::size_t input_left() const noexcept override { return input_.size(); }
  BytesView take_rest() noexcept override { return std::exchange(input_, BytesView()); }

  int traverse(visitproc visit, void* arg) const override;
  void clear() noexcept override;

 private:
  [[nodiscard]] Outcome take_in(bool everything) override;
  [[nodiscard]] Outcome put_out() override;
  [[nodiscard]] bool look_for_more(bool in_record) override;
  [[nodiscard]] Outcome read_record(MutableBytesView memory, std::size_t& size_bytes) override;

  /// Whether OpenSSL holds more of the record that was read last.
  [[nodiscard]] bool is_within_record();

  tls::CiphertextSink& sink_;
  Owned incoming_;
  Owned take_in_;  // MemoryBIO.write
  Owned put_out_;  // MemoryBIO.read
  Owned pending_;  // of the object inside of the SSLObject
  BytesView input_;
  std::size_t waiting_bytes_ = 0;  // taken in, and not read as far as is known
};

}  // namespace tidegate::python
