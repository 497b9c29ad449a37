// Turns errors into text and exceptions, and back. Knows nothing of where they come from.
#include <tidegate/error.hpp>

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <memory>
#include <typeinfo>
#include <utility>

#include <cxxabi.h>
#include <fmt/format.h>
#include <netdb.h>

namespace tidegate {

namespace {

std::string readable_name(const std::type_info& type) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> name(
      abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), std::free);
  return status == 0 ? name.get() : type.name();
}

std::string text_or_type(const std::exception& exception) {
  const std::string_view text = exception.what();
  return text.empty() ? readable_name(typeid(exception)) : std::string(text);
}

std::error_code code_of(const std::exception_ptr& exception) noexcept {
  if (exception == nullptr) return {};
  try {
    std::rethrow_exception(exception);
  } catch (const std::system_error& error) {
    return error.code();
  } catch (...) {
    return {};  // another kind of exception: there is no code to be had
  }
}

class ResolverCategory final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "resolver"; }
  [[nodiscard]] std::string message(int code) const override { return ::gai_strerror(code); }
};

bool all_failed_alike(const std::vector<FailedAttempt>& attempts) {
  const auto like_the_first = [&](const FailedAttempt& attempt) {
    return attempt.code == attempts.front().code;
  };
  return std::all_of(attempts.begin(), attempts.end(), like_the_first);
}

/// std::system_error adds the first error's text at the end, so that one that holds for all is not repeated
/// here.
std::string describe_attempts(const std::string& target, const std::vector<FailedAttempt>& attempts) {
  const bool alike = all_failed_alike(attempts);
  std::string addresses;
  for (const FailedAttempt& attempt : attempts) {
    if (!addresses.empty()) addresses += ", ";
    addresses += attempt.endpoint.to_string();
    if (!alike) addresses += ": " + attempt.code.message();
  }
  // A target that was an address itself says everything.
  if (attempts.size() == 1 && addresses == target) return fmt::format("connect to {}", target);
  return fmt::format("connect to {} (tried {})", target, addresses);
}

std::string describe_group(const std::string& message, const std::vector<std::exception_ptr>& exceptions) {
  std::string text =
      fmt::format("{} ({} sub-exception{})", message, exceptions.size(), exceptions.size() == 1 ? "" : "s");
  const char* separator = ": ";
  for (const std::exception_ptr& exception : exceptions) {
    text += std::exchange(separator, "; ");
    text += describe(exception);
  }
  return text;
}

}  // namespace

Error::Error(std::exception_ptr exception) : code_(code_of(exception)), exception_(std::move(exception)) {}

std::exception_ptr Error::exception() const {
  if (exception_ != nullptr) return exception_;
  if (!code_) return nullptr;
  // std::system_error would put a lone ": " before the code's text.
  if (*attempted_ == '\0') return std::make_exception_ptr(std::system_error(code_));
  return std::make_exception_ptr(OsError(code_, attempted_));
}

void Error::raise() const {
  assert(*this && "Error::raise: there is no error");
  std::rethrow_exception(exception());
}

std::string Error::message() const {
  if (exception_ != nullptr) return describe(exception_);
  if (!code_) return "no error";
  if (*attempted_ == '\0') return code_.message();
  return fmt::format("{}: {}", attempted_, code_.message());
}

std::string describe(const std::exception_ptr& exception) {
  if (exception == nullptr) return "no exception";
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& error) {
    return text_or_type(error);
  } catch (const CancelledError& error) {
    return error.reason().empty() ? "cancelled" : "cancelled: " + error.reason();
  } catch (...) {
    const std::type_info* type = abi::__cxa_current_exception_type();
    return type == nullptr ? "an exception of another language"
                           : "an exception of type " + readable_name(*type);
  }
}

const std::error_category& resolver_category() noexcept {
  static const ResolverCategory category;
  return category;
}

ConnectError::ConnectError(const std::string& target, std::vector<FailedAttempt> attempts)
    : OsError(attempts.at(0).code, describe_attempts(target, attempts)), attempts_(std::move(attempts)) {}

ExceptionGroup::ExceptionGroup(const std::string& message, std::vector<std::exception_ptr> exceptions)
    : std::runtime_error(describe_group(message, exceptions)), exceptions_(std::move(exceptions)) {}

}  // namespace tidegate
