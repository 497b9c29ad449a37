// Errors as values and exceptions, their texts, and what becomes of logged messages and of descriptors.
#include <tidegate/descriptor.hpp>
#include <tidegate/error.hpp>
#include <tidegate/log.hpp>

#include "base/log.hpp"

#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netdb.h>
#include <unistd.h>

namespace tidegate {
namespace {

std::error_code system_code(int number) { return {number, std::system_category()}; }

template <typename Exception>
std::exception_ptr make(Exception exception) {
  return std::make_exception_ptr(std::move(exception));
}

TEST(Error_L3, the_empty_one_is_no_error) {
  const Error none;
  EXPECT_FALSE(none);
  EXPECT_EQ(none.message(), "no error");
  EXPECT_EQ(none.exception(), nullptr);
  EXPECT_FALSE(none.code());
  EXPECT_FALSE(Error(std::exception_ptr()));
}

TEST(Error_L3, a_code_comes_with_what_was_attempted) {
  const Error error(system_code(ECONNRESET), "recv");
  EXPECT_TRUE(error);
  EXPECT_EQ(error.code(), std::errc::connection_reset);
  EXPECT_EQ(error.message(), "recv: Connection reset by peer");
  EXPECT_EQ(Error(system_code(EPIPE)).message(), "Broken pipe");
}

TEST(Error_L3, a_code_becomes_an_exception_with_the_same_text) {
  try {
    Error(system_code(ECONNRESET), "recv").raise();
  } catch (const OsError& error) {
    EXPECT_EQ(error.code(), std::errc::connection_reset);
    EXPECT_STREQ(error.what(), "recv: Connection reset by peer");
  }
  try {
    Error(system_code(EPIPE)).raise();
  } catch (const std::system_error& error) {
    EXPECT_STREQ(error.what(), "Broken pipe");
  }
}

TEST(Error_L3, an_exception_stays_the_very_same_object) {
  const std::exception_ptr thrown = make(std::runtime_error("from a callback"));
  const Error error(thrown);
  EXPECT_TRUE(error);
  EXPECT_EQ(error.exception(), thrown);
  EXPECT_FALSE(error.code());
  EXPECT_EQ(error.message(), "from a callback");
}

TEST(Error_L3, the_code_of_a_system_error_is_found) {
  EXPECT_EQ(Error(make(OsError(system_code(ENOENT), "open"))).code(), std::errc::no_such_file_or_directory);
  EXPECT_EQ(Error(make(std::system_error(system_code(EIO)))).code(), std::errc::io_error);
  const Error resolve(make(ResolveError({EAI_NONAME, resolver_category()}, "resolve \"x\"")));
  EXPECT_EQ(&resolve.code().category(), &resolver_category());
  EXPECT_EQ(resolve.message(), "resolve \"x\": Name or service not known");
}

TEST(Error, describes_whatever_was_thrown) {
  EXPECT_EQ(describe(nullptr), "no exception");
  EXPECT_EQ(describe(make(std::invalid_argument("text"))), "text");
  EXPECT_EQ(describe(make(std::runtime_error(""))), "std::runtime_error");
  EXPECT_EQ(describe(make(42)), "an exception of type int");
  EXPECT_EQ(describe(make(CancelledError())), "cancelled");
  EXPECT_EQ(describe(make(CancelledError("enough"))), "cancelled: enough");
  EXPECT_EQ(describe(make(TimeoutError())), "timed out");
}

FailedAttempt attempt(const char* host, int number) {
  return {*Endpoint::from_numeric_host(host, 80), system_code(number)};
}

TEST(ConnectError_C3, names_every_address_with_its_error_where_they_differ) {
  const ConnectError error("localhost:80", {attempt("::1", ENETUNREACH), attempt("127.0.0.1", ECONNREFUSED)});
  EXPECT_STREQ(
      error.what(),
      "connect to localhost:80 (tried [::1]:80: Network is unreachable, 127.0.0.1:80: Connection refused): "
      "Network is unreachable");
  EXPECT_EQ(error.code(), std::errc::network_unreachable);
  ASSERT_EQ(error.attempts().size(), 2U);
  EXPECT_EQ(error.attempts()[1].endpoint.to_string(), "127.0.0.1:80");
}

TEST(ConnectError_C3, says_an_error_that_holds_for_all_once) {
  const ConnectError error("localhost:80",
                           {attempt("::1", ECONNREFUSED), attempt("127.0.0.1", ECONNREFUSED)});
  EXPECT_STREQ(error.what(), "connect to localhost:80 (tried [::1]:80, 127.0.0.1:80): Connection refused");
}

TEST(ConnectError_C3, does_not_repeat_a_target_that_is_the_only_address) {
  const ConnectError error("127.0.0.1:80", {attempt("127.0.0.1", ECONNREFUSED)});
  EXPECT_STREQ(error.what(), "connect to 127.0.0.1:80: Connection refused");
}

TEST(ExceptionGroup, its_text_counts_and_describes_what_it_holds) {
  const ExceptionGroup group("two tasks failed", {make(std::runtime_error("a")), make(7)});
  EXPECT_STREQ(group.what(), "two tasks failed (2 sub-exceptions): a; an exception of type int");
  EXPECT_EQ(group.exceptions().size(), 2U);
  EXPECT_STREQ(ExceptionGroup("one", {make(std::runtime_error("a"))}).what(), "one (1 sub-exception): a");
}

bool is_open(FileDescriptor descriptor) { return ::fcntl(descriptor.number, F_GETFD) >= 0; }

OwnedFileDescriptor open_null() {
  return OwnedFileDescriptor(FileDescriptor{::open("/dev/null", O_RDWR | O_CLOEXEC)});
}

TEST(OwnedFileDescriptor, closes_when_it_ends_and_not_when_it_was_given_away) {
  OwnedFileDescriptor owner = open_null();
  const FileDescriptor number = owner.get();
  ASSERT_TRUE(is_open(number));
  {
    OwnedFileDescriptor moved = std::move(owner);
    owner.reset();
    EXPECT_TRUE(is_open(number));
    OwnedFileDescriptor(moved.release());
  }
  EXPECT_FALSE(is_open(number));
}

TEST(OwnedFileDescriptor, leaves_errno_as_it_was) {
  OwnedFileDescriptor owner = open_null();
  errno = EXDEV;
  owner.reset();
  EXPECT_EQ(errno, EXDEV);
}

/// Collects what is logged while it lives.
class CollectedLog {
 public:
  CollectedLog() {
    set_log_handler([this](LogLevel, std::string_view message) { messages_.emplace_back(message); });
  }
  CollectedLog(const CollectedLog&) = delete;
  CollectedLog& operator=(const CollectedLog&) = delete;
  ~CollectedLog() { set_log_handler(nullptr); }
  [[nodiscard]] const std::vector<std::string>& messages() const { return messages_; }

 private:
  std::vector<std::string> messages_;
};

TEST(OwnedFileDescriptor, says_that_somebody_else_closed_it) {
  const CollectedLog log;
  OwnedFileDescriptor owner = open_null();
  const std::string number = std::to_string(owner.get().number);
  ASSERT_EQ(::close(owner.get().number), 0);
  owner.reset();
  ASSERT_EQ(log.messages().size(), 1U);
  EXPECT_EQ(log.messages()[0], "closing descriptor " + number + ": somebody else closed it");
}

TEST(Log, reaches_the_handler_with_every_level) {
  std::vector<LogLevel> levels;
  set_log_handler([&](LogLevel level, std::string_view) { levels.push_back(level); });
  base::log(LogLevel::debug, "d");
  base::log(LogLevel::error, "e");
  set_log_handler(nullptr);
  EXPECT_EQ(levels, (std::vector{LogLevel::debug, LogLevel::error}));
}

TEST(Log, the_default_writes_warnings_and_errors_to_standard_error) {
  testing::internal::CaptureStderr();
  base::log(LogLevel::debug, "not this");
  base::log(LogLevel::info, "nor this");
  base::log(LogLevel::warning, "careful");
  base::log(LogLevel::error, "broken");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "tidegate: warning: careful\ntidegate: error: broken\n");
}

TEST(Log, a_handler_that_logs_or_throws_or_replaces_itself_does_no_harm) {
  testing::internal::CaptureStderr();
  set_log_handler([](LogLevel, std::string_view) {
    base::log(LogLevel::warning, "from inside");
    set_log_handler(nullptr);
    throw std::runtime_error("handler");
  });
  base::log(LogLevel::warning, "outer");
  base::log(LogLevel::warning, "after");
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "tidegate: warning: from inside\ntidegate: warning: outer\n"
            "tidegate: error: the log handler threw an exception\ntidegate: warning: after\n");
}

}  // namespace
}  // namespace tidegate
