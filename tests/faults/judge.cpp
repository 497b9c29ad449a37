// Whether what was observed is what has to come of a fault: see judge.hpp.
#include "faults/judge.hpp"

#include <algorithm>
#include <cerrno>
#include <new>
#include <system_error>

namespace tidegate::faults {

namespace {

int code_of(const std::exception_ptr& exception) {
  if (exception == nullptr) return 0;
  try {
    std::rethrow_exception(exception);
  } catch (const std::system_error& error) {
    return error.code().value();
  } catch (...) {
    return -1;  // something else
  }
}

template <typename Exception>
bool is_a(const std::exception_ptr& exception) {
  if (exception == nullptr) return false;
  try {
    std::rethrow_exception(exception);
  } catch (const Exception&) {
    return true;
  } catch (...) {
    return false;  // something else
  }
}

/// How a connection may end whose other end has broken.
bool is_of_the_other_end(int code) { return code == ECONNRESET || code == EPIPE; }

bool was_lost_by(const Observed& observed, int error) {
  std::size_t by_it = 0;
  for (const Error& reason : observed.lost) {
    if (reason.code().value() == error) {
      ++by_it;
    } else if (!is_of_the_other_end(reason.code().value())) {
      return false;
    }
  }
  return by_it == 1 || (by_it > 1 && is_of_the_other_end(error));
}

bool nobody_was_told(const Observed& observed) {
  return observed.lost.empty() && observed.told.empty() && observed.reported.empty();
}

bool is_as_it_has_to_be(const Observed& observed, Outcome outcome, int error) {
  const bool came_to_its_end = observed.thrown == nullptr;
  switch (outcome) {
    case Outcome::unnoticed:
    case Outcome::falls_back:
      return came_to_its_end && nobody_was_told(observed);
    case Outcome::ends_connection: {
      // What waits for the connection is told the same, or that it was cut short.
      const bool told_who_waited =
          came_to_its_end || is_a<CutShort>(observed.thrown) || code_of(observed.thrown) == error;
      const auto is_refusal = [](const Error& told) { return told.code().value() == ECONNREFUSED; };
      const bool told_by_other_end = std::all_of(observed.told.begin(), observed.told.end(), is_refusal);
      return told_who_waited && told_by_other_end && was_lost_by(observed, error) &&
             observed.reported.empty();
    }
    case Outcome::pauses_accepting:
      return came_to_its_end && observed.lost.empty() && observed.reported.size() == 1 &&
             code_of(observed.reported.front()) == error;
    case Outcome::tells_error:
      return came_to_its_end && observed.lost.empty() && observed.reported.empty() &&
             observed.told.size() == 1 && observed.told.front().code().value() == error;
    case Outcome::call_fails:
    case Outcome::file_fails:
      return code_of(observed.thrown) == error && nobody_was_told(observed);
  }
  return false;
}

const char* expectation_of(Outcome outcome) noexcept {
  switch (outcome) {
    case Outcome::unnoticed:
      return "nobody notices";
    case Outcome::ends_connection:
      return "one connection ends with that error";
    case Outcome::pauses_accepting:
      return "it is reported once, and accepting stops";
    case Outcome::tells_error:
      return "error_received is told that error";
    case Outcome::call_fails:
      return "the call throws that error";
    case Outcome::file_fails:
      return "sendfile throws that error, and the connection lives on";
    case Outcome::falls_back:
      return "the loop stands on epoll";
  }
  return "";
}

}  // namespace

std::string complaint_about(const Observed& observed, Outcome outcome, int error) {
  if (is_as_it_has_to_be(observed, outcome, error)) return "";
  return std::string("expected: ") + expectation_of(outcome) + "; but " + observed.text();
}

bool is_out_of_memory(const std::exception_ptr& exception) {
  if (exception == nullptr) return false;
  try {
    std::rethrow_exception(exception);
  } catch (const std::bad_alloc&) {
    return true;
  } catch (const std::system_error& error) {
    // The kernels say the second of these as well.
    return error.code() == std::errc::not_enough_memory || error.code() == std::errc::no_buffer_space;
  } catch (const ExceptionGroup& group) {
    return std::any_of(group.exceptions().begin(), group.exceptions().end(), is_out_of_memory);
  } catch (...) {
    return false;  // something else
  }
}

std::string complaint_about_memory(const Observed& observed) {
  if (is_a<TimeoutError>(observed.thrown)) return "it hangs; " + observed.text();
  const auto says_so = [](const Error& error) { return is_out_of_memory(error.exception()); };
  const bool was_told = is_out_of_memory(observed.thrown) ||
                        std::any_of(observed.lost.begin(), observed.lost.end(), says_so) ||
                        std::any_of(observed.told.begin(), observed.told.end(), says_so) ||
                        std::any_of(observed.reported.begin(), observed.reported.end(), is_out_of_memory);
  if (observed.thrown == nullptr || was_told) return "";
  return "it failed, and nobody was told why: " + observed.text();
}

}  // namespace tidegate::faults
