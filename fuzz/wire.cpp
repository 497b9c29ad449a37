#include "wire.hpp"

#include "require.hpp"

#include <algorithm>
#include <utility>

namespace tidegate::fuzz {

namespace {

constexpr std::size_t kHeaderBytes = 5;

std::size_t record_size(BytesView records) {
  require(records.size() >= kHeaderBytes, "an end says whole headers");
  const std::size_t size = kHeaderBytes + (std::to_integer<std::size_t>(records[3]) << 8U) +
                           std::to_integer<std::size_t>(records[4]);
  require(size <= records.size(), "an end says whole records");
  return size;
}

}  // namespace

void Wire::append(BytesView records) {
  while (!records.empty()) {
    const std::size_t size = record_size(records);
    records_.push_back(records.first(size).to_string());
    records = records.drop(size);
  }
}

std::string Wire::deliver(std::size_t limit_bytes) {
  std::string delivered;
  while (!records_.empty() && (limit_bytes == 0 || delivered.size() < limit_bytes)) {
    std::string& next = records_.front();
    const std::size_t size =
        limit_bytes == 0 ? next.size() : std::min(next.size(), limit_bytes - delivered.size());
    delivered.append(next, 0, size);
    next.erase(0, size);
    if (next.empty()) records_.pop_front();
  }
  return delivered;
}

void Wire::flip(std::size_t place, std::size_t offset_bytes, std::uint8_t mask) {
  if (records_.empty() || mask == 0) return;
  std::string& record = records_[place % records_.size()];
  char& byte = record[offset_bytes % record.size()];
  byte = static_cast<char>(static_cast<unsigned char>(byte) ^ mask);
  was_tampered_with_ = true;
}

void Wire::drop(std::size_t place) {
  if (records_.empty()) return;
  records_.erase(records_.begin() + static_cast<std::ptrdiff_t>(place % records_.size()));
  was_tampered_with_ = true;
}

void Wire::repeat(std::size_t place) {
  if (records_.empty()) return;
  const auto where = records_.begin() + static_cast<std::ptrdiff_t>(place % records_.size());
  const std::string again = *where;
  records_.insert(where, again);
  was_tampered_with_ = true;
}

void Wire::cut(std::size_t place, std::size_t size_bytes) {
  if (records_.empty() || size_bytes == 0) return;
  std::string& record = records_[place % records_.size()];
  if (size_bytes >= record.size()) return drop(place);
  record.resize(record.size() - size_bytes);
  was_tampered_with_ = true;
}

void Wire::swap(std::size_t place) {
  if (records_.size() < 2) return;
  const std::size_t first = place % (records_.size() - 1);
  std::swap(records_[first], records_[first + 1]);
  was_tampered_with_ = true;
}

void Wire::insert(std::size_t place, BytesView anything) {
  if (anything.empty()) return;
  const std::size_t where = place % (records_.size() + 1);
  records_.insert(records_.begin() + static_cast<std::ptrdiff_t>(where), anything.to_string());
  was_tampered_with_ = true;
}

}  // namespace tidegate::fuzz
