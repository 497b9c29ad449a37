// The errors of TLS as codes, and which of them mean what the operating system's codes mean.
#include <tidegate/tls.hpp>

#include <string>

namespace tidegate {

namespace {

class TlsCategory final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "tls"; }

  [[nodiscard]] std::string message(int code) const override {
    switch (static_cast<TlsErrc>(code)) {
      case TlsErrc::certificate_rejected:
        return "the peer's certificate was not accepted";
      case TlsErrc::alert_received:
        return "the peer has ended the connection with an alert";
      case TlsErrc::protocol_violation:
        return "the peer does not keep to TLS";
      case TlsErrc::nothing_in_common:
        return "the two ends have no version, cipher or certificate in common";
      case TlsErrc::truncated:
        return "the connection was cut without a close_notify";
      case TlsErrc::handshake_timed_out:
        return "the handshake took too long";
      case TlsErrc::shutdown_timed_out:
        return "the shutdown took too long";
      case TlsErrc::bad_credentials:
        return "a certificate or a key can't be used";
      case TlsErrc::internal:
        return "the TLS library failed";
    }
    return "unknown error " + std::to_string(code);
  }

  [[nodiscard]] std::error_condition default_error_condition(int code) const noexcept override {
    switch (static_cast<TlsErrc>(code)) {
      case TlsErrc::handshake_timed_out:
      case TlsErrc::shutdown_timed_out:
        return std::errc::timed_out;
      // A cut is no reset: whoever asks for connection_reset must be able to tell the two apart.
      default:
        return {code, *this};
    }
  }
};

}  // namespace

const std::error_category& tls_category() noexcept {
  static const TlsCategory category;
  return category;
}

}  // namespace tidegate
