// Waiting for several futures: see detail/gather_core.hpp.
#include <tidegate/detail/gather_core.hpp>

#include <utility>

namespace tidegate::detail {

class GatherCore::Link final : public DoneWaiter {
 public:
  void belongs_to(GatherCore& gather) noexcept { gather_ = &gather; }

  void hold(FutureCore& child) noexcept override {
    child_ = Ref<FutureCore>(&child);
    gather_->retain();
  }
  void run() override {
    const auto gather = Ref<GatherCore>::adopt(gather_);
    const Ref<FutureCore> child = std::move(child_);
    gather->child_done(*child);
  }
  void discard() noexcept override {
    child_.reset();
    gather_->release();
  }
  void forget() noexcept override {}

 private:
  GatherCore* gather_ = nullptr;  // Lifetime: owns this
  Ref<FutureCore> child_;
};

GatherCore::GatherCore(Loop& loop, void* result_slot, Children children, OnFailure on_failure)
    : FutureCore(loop, result_slot, Kind::future),
      children_(std::move(children)),
      links_(std::make_unique<Link[]>(children_.size())),
      on_failure_(on_failure) {}

GatherCore::~GatherCore() {
  for (std::size_t index = 0; index < children_.size(); ++index)
    children_[index]->remove_waiter(links_[index]);
}

void GatherCore::watch() {
  for (std::size_t index = 0; index < children_.size(); ++index) links_[index].belongs_to(*this);
  if (children_.empty()) finish_with_children();
  // As in asyncio, what is done already counts now and not an iteration later. A copy: the first failure lets
  // the children go.
  const Children children = children_;
  for (std::size_t index = 0; index < children.size(); ++index) {
    if (!children[index]->done() && !done()) children[index]->add_waiter(links_[index]);
  }
  for (const Ref<FutureCore>& child : children) {
    if (child->done()) child_done(*child);
  }
}

bool GatherCore::cancel(const std::string& reason) {
  if (done()) return FutureCore::cancel(reason);
  // A copy: cancelling may run code that ends this.
  const Children children = children_;
  for (const Ref<FutureCore>& child : children) {
    if (child->cancel(reason)) cancel_requested_ = true;
  }
  return cancel_requested_;
}

void GatherCore::child_done(FutureCore& child) {
  ++children_done_;
  if (done()) {
    child.mark_retrieved();
    return;
  }
  if (on_failure_ == OnFailure::propagate) {
    if (std::exception_ptr failure = child.failure()) {
      propagate(std::move(failure));
      return;
    }
  }
  if (children_done_ == children_.size()) finish_with_children();
}

/// The others run on, and what becomes of them is nobody's business any more.
void GatherCore::propagate(std::exception_ptr failure) {
  const Children children = std::exchange(children_, {});
  for (std::size_t index = 0; index < children.size(); ++index) {
    children[index]->silence();
    children[index]->remove_waiter(links_[index]);
  }
  finish_with_exception(std::move(failure));
}

void GatherCore::finish_with_children() {
  Children children = std::exchange(children_, {});
  if (cancel_requested_) {
    // Whatever the children made of it: whoever cancelled the gather has to see that it was.
    for (const Ref<FutureCore>& child : children) child->mark_retrieved();
    finish_with_exception(make_cancelled({}));
    return;
  }
  try {
    collect(children);
  } catch (...) {
    finish_with_exception(
        std::current_exception());  // a result could not be copied: that is the outcome then
    return;
  }
  finish_with_result();
}

}  // namespace tidegate::detail
