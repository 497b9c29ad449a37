// The reads that give a string of their own: see stream_reader.hpp. Each is the one that gives a view, and a
// copy.
#include <tidegate/stream_reader.hpp>

#include "streams/stream_input.hpp"

#include <string>
#include <utility>
#include <vector>

namespace tidegate {

namespace {

using detail::ReadDemand;
using detail::StreamInput;
using detail::ViewRead;

std::string incomplete_text(std::size_t partial, std::optional<std::size_t> expected) {
  return std::to_string(partial) + " bytes read on a total of " +
         (expected ? std::to_string(*expected) : std::string("undefined")) + " expected bytes";
}

/// What one demand gives, of which the coroutine needs nothing but numbers.
Task<std::string> read_copy(std::shared_ptr<StreamInput> input, ReadDemand demand) {
  const BytesView taken = co_await ViewRead(input, demand);
  co_return taken.to_string();
}

Task<std::string> read_to_end(std::shared_ptr<StreamInput> input) {
  std::string all;
  try {
    while (true) {
      const BytesView piece = co_await ViewRead(input, ReadDemand::some(kDefaultStreamLimit));
      if (piece.empty()) break;
      all += piece.text();
    }
  } catch (...) {
    input->put_back(all);  // cancelled, or the connection was cut: then that can still be read
    throw;
  }
  co_return all;
}

Task<std::string> read_until(std::shared_ptr<StreamInput> input, std::string separator) {
  const BytesView taken = co_await ViewRead(input, ReadDemand::until(BytesView(separator)));
  co_return taken.to_string();
}

Task<std::string> read_until_any(std::shared_ptr<StreamInput> input, std::vector<std::string> separators) {
  const std::vector<BytesView> views(separators.begin(), separators.end());
  const BytesView taken = co_await ViewRead(input, ReadDemand::until(std::span<const BytesView>(views)));
  co_return taken.to_string();
}

}  // namespace

IncompleteReadError::IncompleteReadError(std::string partial, std::optional<std::size_t> expected)
    : std::runtime_error(incomplete_text(partial.size(), expected)),
      partial_(std::move(partial)),
      expected_(expected) {}

Task<std::string> StreamReader::read() const { return read_to_end(input_); }

Task<std::string> StreamReader::read(std::size_t most) const {
  return read_copy(input_, ReadDemand::some(most));
}

Task<std::string> StreamReader::readexactly(std::size_t count) const {
  return read_copy(input_, ReadDemand::exactly(count));
}

Task<std::string> StreamReader::readuntil(BytesView separator) const {
  return read_until(input_, separator.to_string());
}

Task<std::string> StreamReader::readuntil(std::span<const BytesView> separators) const {
  std::vector<std::string> copies;
  copies.reserve(separators.size());
  for (const BytesView separator : separators) copies.push_back(separator.to_string());
  return read_until_any(input_, std::move(copies));
}

Task<std::string> StreamReader::readline() const { return read_copy(input_, ReadDemand::line()); }

bool StreamReader::at_eof() const noexcept { return input_->at_eof(); }

std::exception_ptr StreamReader::exception() const noexcept { return input_->exception(); }

}  // namespace tidegate
