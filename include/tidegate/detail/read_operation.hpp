// What `co_await reader.readuntil_view(...)` and its kin wait with: an object in the frame of the coroutine
// that awaits it, so that a read of what is buffered already allocates nothing. Not for users.
#pragma once

#include <tidegate/bytes.hpp>
#include <tidegate/detail/future_core.hpp>
#include <tidegate/detail/task_promise.hpp>
#include <tidegate/ref.hpp>

#include <coroutine>
#include <cstddef>
#include <memory>
#include <span>

namespace tidegate::detail {

class StreamInput;

/// What a read asks for, and how far it has come.
/// Lifetime: separators and target are the caller's, until the read is over.
class ReadDemand {
 public:
  enum class Kind : unsigned char { some, exactly, until, line, into_some, into_exactly };

  /// At least one byte, `most` at most.
  [[nodiscard]] static ReadDemand some(std::size_t most) noexcept { return {Kind::some, most, {}, {}, {}}; }
  [[nodiscard]] static ReadDemand exactly(std::size_t count) noexcept {
    return {Kind::exactly, count, {}, {}, {}};
  }
  [[nodiscard]] static ReadDemand until(BytesView separator) noexcept {
    return {Kind::until, 0, separator, {}, {}};
  }
  [[nodiscard]] static ReadDemand until(std::span<const BytesView> separators) noexcept {
    return {Kind::until, 0, {}, separators, {}};
  }
  [[nodiscard]] static ReadDemand line() noexcept { return {Kind::line, 0, "\n", {}, {}}; }
  [[nodiscard]] static ReadDemand into_some(MutableBytesView target) noexcept {
    return {Kind::into_some, target.size(), {}, {}, target};
  }
  [[nodiscard]] static ReadDemand into_exactly(MutableBytesView target) noexcept {
    return {Kind::into_exactly, target.size(), {}, {}, target};
  }

  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  [[nodiscard]] bool is_into() const noexcept {
    return kind_ == Kind::into_some || kind_ == Kind::into_exactly;
  }
  [[nodiscard]] bool is_until() const noexcept { return kind_ == Kind::until || kind_ == Kind::line; }
  /// How many bytes: exactly, or at most. Of no meaning for `until` and `line`.
  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  /// Any of which ends what is asked for; empty where none was named.
  [[nodiscard]] std::span<const BytesView> separators() const noexcept {
    return several_.data() != nullptr ? several_ : std::span(&separator_, 1);
  }
  /// Where `into_...` puts it, behind what is there already.
  [[nodiscard]] MutableBytesView target() const noexcept { return target_; }
  [[nodiscard]] MutableBytesView target_left() const noexcept { return target_.drop(done); }

  /// Bytes in the target; or how many from the beginning on hold no separator.
  std::size_t done = 0;
  /// Where the separator that was found begins and ends; 0 for none yet.
  std::size_t match_begin = 0;
  std::size_t match_end = 0;

 private:
  ReadDemand(Kind kind, std::size_t count, BytesView separator, std::span<const BytesView> several,
             MutableBytesView target) noexcept
      : separator_(separator), several_(several), target_(target), count_(count), kind_(kind) {}

  BytesView separator_;
  std::span<const BytesView> several_;
  MutableBytesView target_;
  std::size_t count_;
  Kind kind_;
};

/// One read, from the `co_await` until it goes on. One that is cancelled puts back what it took.
class ReadOperation : public OwnAwaiter {
 public:
  ReadOperation& operator=(ReadOperation&&) = delete;

  [[nodiscard]] bool await_ready();
  [[nodiscard]] bool await_suspend(std::coroutine_handle<> coroutine);

 protected:
  ReadOperation(std::shared_ptr<StreamInput> input, const ReadDemand& demand) noexcept
      : input_(std::move(input)), demand_(demand) {}
  /// REQUIRES: `other` has not been awaited.
  ReadOperation(ReadOperation&& other) noexcept : input_(std::move(other.input_)), demand_(other.demand_) {}
  ~ReadOperation();

  /// What came; throws what there is instead.
  [[nodiscard]] BytesView taken();

 private:
  friend class StreamInput;

  std::shared_ptr<StreamInput> input_;
  ReadDemand demand_;
  Ref<FutureCore> future_;  // while it waits
  const char* problem_ = nullptr;
};

/// A read that gives a view of what the reader holds.
class [[nodiscard]] ViewRead final : public ReadOperation {
 public:
  ViewRead(std::shared_ptr<StreamInput> input, const ReadDemand& demand) noexcept
      : ReadOperation(std::move(input), demand) {}
  [[nodiscard]] BytesView await_resume() { return taken(); }
};

/// A read into the caller's memory, which gives the number of bytes.
class [[nodiscard]] IntoRead final : public ReadOperation {
 public:
  IntoRead(std::shared_ptr<StreamInput> input, const ReadDemand& demand) noexcept
      : ReadOperation(std::move(input), demand) {}
  // Not nodiscard: of an exact read it is known.
  std::size_t await_resume() { return taken().size(); }
};

}  // namespace tidegate::detail
