// The write buffer and flow control against models that are too simple to be wrong: a std::string and three
// lines of arithmetic, through random scripts. TIDEGATE_SEED=N runs the one script with that seed.
#include "transport/flow_control.hpp"
#include "transport/write_buffer.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace tidegate::transport {
namespace {

constexpr int kSteps = 3000;
/// Small, so that scripts cross their ends often.
constexpr std::size_t kBlockBytes = 1024;

std::vector<std::uint64_t> seeds() {
  if (const char* seed = std::getenv("TIDEGATE_SEED")) return {std::strtoull(seed, nullptr, 0)};
  return {1, 2, 3, 4, 5, 6, 7, 8, 20260101, 0xfeedbeef};
}

/// A chunk's memory. It counts how often it was let go of, and knows when it is too early for that.
struct Owner {
  std::string text;
  /// Where its first byte stands in everything that was ever appended.
  std::uint64_t position = 0;
  int releases = 0;
};

class Script {
 public:
  explicit Script(std::uint64_t seed) : random_(seed), buffer_(std::make_unique<WriteBuffer>(pool_)) {}

  void run() {
    for (int step = 0; step < kSteps && !testing::Test::HasFatalFailure(); ++step) {
      take_step();
      check();
    }
    buffer_.reset();
    consumed_ += model_.size();
    model_.clear();
    check_owners();
    EXPECT_EQ(pool_.in_use(), 0U);
    EXPECT_GT(pauses_, 0);
    EXPECT_GT(resumes_, 0);
  }

 private:
  std::size_t any(std::size_t least, std::size_t most) {
    return std::uniform_int_distribution<std::size_t>(least, most)(random_);
  }

  std::string any_text(std::size_t size) {
    std::string text(size, ' ');
    for (char& character : text) character = static_cast<char>(any(0, 255));
    return text;
  }

  /// Sizes where something changes, more often than others.
  std::size_t any_size() {
    switch (any(0, 6)) {
      case 0:
        return 0;
      case 1:
        return any(1, 3);
      case 2:
        return any(4, 200);
      case 3:
        return any(511, 513);
      case 4:
        return any(kBlockBytes - 48, kBlockBytes + 1);
      case 5:
        return any(kBlockBytes + 1, 5 * kBlockBytes);
      default:
        return any(1, 512);
    }
  }

  void take_step() {
    switch (any(0, 99)) {
      case 0:
        return clear();
      case 1:
        return change_limits();
      case 2:
        return move_buffer();
      case 3:
        return keep();
      default:
        break;
    }
    // Phases of filling and of draining, so that sizes are seen far from empty as well as empty.
    if (any(0, 299) == 0) filling_ = !filling_;
    if (any(0, 9) >= (filling_ ? 6U : 3U)) return send();
    switch (any(0, 2)) {
      case 0:
        return append_copy();
      case 1:
        return append_chunk();
      default:
        return lend();
    }
  }

  void append_copy() {
    std::string text = any_text(any_size());
    buffer_->append(BytesView(text));
    model_ += text;
    text.assign(text.size(), '!');  // W2: the caller may reuse its memory
    account_for_growth();
  }

  /// Bytes of `lent_`, which is left alone for as long as the buffer refers to it.
  void lend() {
    const bool was_lent = buffer_->is_lent();
    if (!was_lent) {
      lent_ = any_text(5 * kBlockBytes);
      lent_until_ = any(0, kBlockBytes);
    }
    const BytesView bytes = BytesView(lent_).drop(lent_until_).first(any_size());
    if (bytes.empty()) return;
    const bool follows = any(0, 9) != 0;
    const BytesView offered = follows ? bytes : BytesView(lent_).first(bytes.size());
    const bool taken = buffer_->lend(offered);
    EXPECT_EQ(taken, model_.empty() || (was_lent && offered.data() == bytes.data()));
    if (!taken) buffer_->append(offered);
    model_ += offered.text();
    lent_until_ = static_cast<std::size_t>(offered.data() + offered.size() - BytesView(lent_).data());
    EXPECT_EQ(buffer_->is_lent(), taken);
    account_for_growth();
  }

  void keep() {
    buffer_->keep();
    EXPECT_FALSE(buffer_->is_lent());
    lent_.assign(lent_.size(), '!');
  }

  void append_chunk() {
    auto owner = std::make_unique<Owner>();
    owner->text = any_text(any_size());
    owner->position = consumed_ + model_.size();
    model_ += owner->text;
    buffer_->append(Chunk(BytesView(owner->text), owner.get(), [](void* pointer) noexcept {
      auto* released = static_cast<Owner*>(pointer);
      ++released->releases;
      released->text.assign(released->text.size(), '?');  // whoever still reads it is found out
    }));
    EXPECT_TRUE(!owner->text.empty() || owner->releases == 1);
    owners_.push_back(std::move(owner));
    account_for_growth();
  }

  /// What a kernel does: looks at the first bytes, takes some of them.
  void send() {
    std::vector<iovec> vectors(any(1, 20));
    const std::size_t count = buffer_->gather(vectors);
    std::string seen;
    for (std::size_t index = 0; index < count; ++index) {
      ASSERT_GT(vectors[index].iov_len, 0U);
      seen.append(static_cast<const char*>(vectors[index].iov_base), vectors[index].iov_len);
    }
    ASSERT_EQ(seen, model_.substr(0, seen.size()));
    ASSERT_TRUE(count == vectors.size() || seen.size() == model_.size());

    drop(any(0, 2) == 0 ? seen.size() : any(0, seen.size()));
  }

  void drop(std::size_t bytes) {
    buffer_->consume(bytes);
    model_.erase(0, bytes);
    consumed_ += bytes;
    account_for_drain();
  }

  void clear() {
    buffer_->clear();
    consumed_ += model_.size();
    model_.clear();
    account_for_drain();
  }

  void move_buffer() { buffer_ = std::make_unique<WriteBuffer>(std::move(*buffer_)); }

  void change_limits() {
    const std::size_t high = any(0, 3) == 0 ? 0 : any(0, 8 * kBlockBytes);
    const std::size_t low = any(0, high);
    flow_.set_limits(high, low);
    high_ = high;
    low_ = low;
    account_for_growth();  // F5
  }

  void account_for_growth() {
    const bool owed = !paused_ && model_.size() > high_;
    ASSERT_EQ(flow_.pause_if_over(buffer_->size()), owed);
    paused_ = paused_ || owed;
    pauses_ += owed ? 1 : 0;
  }

  void account_for_drain() {
    const bool owed = paused_ && model_.size() <= low_;
    ASSERT_EQ(flow_.resume_if_drained(buffer_->size()), owed);
    paused_ = paused_ && !owed;
    resumes_ += owed ? 1 : 0;
  }

  void check() {
    ASSERT_EQ(buffer_->size(), model_.size());
    ASSERT_EQ(buffer_->empty(), model_.empty());
    ASSERT_EQ(flow_.paused(), paused_);
    ASSERT_TRUE(!model_.empty() || pool_.in_use() == 0U);
    check_owners();
  }

  /// W2: exactly once, not before the last byte is gone, and then at once.
  void check_owners() {
    for (const auto& owner : owners_) {
      const bool gone = owner->text.empty() || consumed_ >= owner->position + owner->text.size();
      if (gone) {
        ASSERT_EQ(owner->releases, 1);
      } else {
        ASSERT_EQ(owner->releases, 0);
      }
    }
    // Their memory has to outlive a second release; checked ones that are long gone need not.
    if (owners_.size() > 400) owners_.erase(owners_.begin(), find_first_waiting());
  }

  [[nodiscard]] std::vector<std::unique_ptr<Owner>>::iterator find_first_waiting() {
    return std::find_if(owners_.begin(), owners_.end(), [this](const std::unique_ptr<Owner>& owner) {
      return owner->position + owner->text.size() + 100 * kBlockBytes > consumed_;
    });
  }

  std::mt19937_64 random_;
  base::BlockPool pool_{kBlockBytes, 8};
  std::unique_ptr<WriteBuffer> buffer_;
  FlowControl flow_;

  std::string model_;
  std::string lent_;
  std::size_t lent_until_ = 0;
  std::uint64_t consumed_ = 0;
  std::vector<std::unique_ptr<Owner>> owners_;
  std::size_t high_ = FlowControl::kDefaultHighBytes;
  std::size_t low_ = FlowControl::kDefaultHighBytes / 4;
  bool paused_ = false;
  bool filling_ = true;
  int pauses_ = 0;
  int resumes_ = 0;
};

TEST(WriteBufferModel_W1_W2_F1, random_scripts_agree_with_a_string) {
  for (const std::uint64_t seed : seeds()) {
    SCOPED_TRACE("TIDEGATE_SEED=" + std::to_string(seed));
    Script(seed).run();
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace tidegate::transport
