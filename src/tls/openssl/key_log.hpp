// Where the secrets of connections are told, for those who look into them from outside (Wireshark). Knows no
// connection.
#pragma once

#include <tidegate/descriptor.hpp>

#include <functional>
#include <string>
#include <string_view>

namespace tidegate::tls {

/// Thread: any.
class KeyLog {
 public:
  using Callback = std::function<void(std::string_view line)>;

  /// `file`: appended to, made where it is missing, readable for its owner only; empty: none. Throws OsError.
  KeyLog(Callback callback, const std::string& file);

  /// Whether anybody listens.
  explicit operator bool() const noexcept { return callback_ != nullptr || file_.valid(); }

  /// Throws OsError, and what the callback throws.
  void write(std::string_view line) const;

 private:
  Callback callback_;
  std::string path_;
  OwnedFileDescriptor file_;
};

}  // namespace tidegate::tls
