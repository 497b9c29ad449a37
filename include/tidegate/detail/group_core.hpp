// The tasks of a group and what becomes of them, whatever their results. Not for users.
#pragma once

#include <tidegate/detail/future_core.hpp>
#include <tidegate/detail/task_core.hpp>
#include <tidegate/future.hpp>
#include <tidegate/ref.hpp>
#include <tidegate/task.hpp>

#include <exception>
#include <list>
#include <memory>
#include <vector>

namespace tidegate::detail {

/// asyncio's TaskGroup. Shared by the group's handles and by the callbacks of its tasks.
class GroupCore : public std::enable_shared_from_this<GroupCore> {
 public:
  /// Belongs to the current task. Throws InvalidStateError where there is none.
  GroupCore();
  GroupCore(const GroupCore&) = delete;
  GroupCore& operator=(const GroupCore&) = delete;

  [[nodiscard]] Loop& loop() const { return parent_->living_loop(); }
  /// Why no task can be added any more; null where one can.
  [[nodiscard]] const char* refusal() const noexcept;
  void adopt(Ref<FutureCore> task);

  /// The body has ended, with an exception or with null: waits for every task, and throws what the group
  /// throws, if anything.
  [[nodiscard]] Task<void> leave(std::exception_ptr body_failure);

 private:
  using Tasks = std::list<Ref<FutureCore>>;

  void task_done(Tasks::iterator place);
  void task_failed(std::exception_ptr failure);
  void abort();
  [[nodiscard]] bool settle_cancel_requests();
  [[noreturn]] void throw_errors();

  Ref<TaskCore> parent_;
  Tasks tasks_;
  std::vector<std::exception_ptr> errors_;
  Future<void> all_done_;
  bool exiting_ = false;
  bool aborting_ = false;
  bool has_cancelled_parent_ = false;
};

}  // namespace tidegate::detail
