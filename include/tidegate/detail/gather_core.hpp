// The future that waits for several others, without the types of their results. Not for users.
#pragma once

#include <tidegate/detail/future_core.hpp>
#include <tidegate/detail/future_state.hpp>
#include <tidegate/ref.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tidegate::detail {

/// What a gather does when one of its children fails.
enum class OnFailure : std::uint8_t { propagate, collect };

/// asyncio's `_GatheringFuture` together with the callback that completes it. It holds its children; they
/// know it by a link that it takes back, so that a gather nobody holds ends, also where a child never does.
class GatherCore : public FutureCore {
 public:
  /// Begins to watch the children; those that are done already count at once. REQUIRES: called once, on a
  /// held object.
  void watch();
  /// Cancels the children; this is done when they are.
  bool cancel(const std::string& reason) override;

 protected:
  using Children = std::vector<Ref<FutureCore>>;

  GatherCore(Loop& loop, void* result_slot, Children children, OnFailure on_failure);
  ~GatherCore() override;

  /// Makes the result out of the children. REQUIRES: all of them are done.
  virtual void collect(Children& children) = 0;

 private:
  class Link;

  void child_done(FutureCore& child);
  void propagate(std::exception_ptr failure);
  void finish_with_children();

  Children children_;
  std::unique_ptr<Link[]> links_;
  std::size_t children_done_ = 0;
  OnFailure on_failure_;
  bool cancel_requested_ = false;
};

/// `Collect` makes a Result out of the children.
template <typename Result, typename Collect>
class Gather final : public GatherCore {
 public:
  Gather(Loop& loop, std::vector<Ref<FutureCore>> children, OnFailure on_failure, Collect collect)
      : GatherCore(loop, &result_, std::move(children), on_failure), collect_(std::move(collect)) {}

 private:
  void collect(Children& children) override {
    if constexpr (!std::is_void_v<Result>) result_.emplace(collect_(children));
  }

  Collect collect_;
  std::optional<Stored<Result>> result_;
};

}  // namespace tidegate::detail
