// One read of a stream, from the co_await until it goes on: see detail/read_operation.hpp.
#include <tidegate/detail/future_state.hpp>
#include <tidegate/detail/read_operation.hpp>
#include <tidegate/detail/task_core.hpp>
#include <tidegate/error.hpp>

#include "streams/stream_input.hpp"

#include <utility>

namespace tidegate::detail {

ReadOperation::~ReadOperation() {
  if (future_) input_->stop_waiting();
  if (input_) input_->put_back(demand_);
}

bool ReadOperation::await_ready() {
  input_->begin(demand_);
  return input_->is_met(demand_);
}

bool ReadOperation::await_suspend(std::coroutine_handle<> coroutine) {
  TaskCore& task = *TaskCore::current();
  future_ = Ref<FutureCore>(new FutureState<void>(task.living_loop()));
  input_->wait(demand_, *future_);
  problem_ = task.wait(*future_, coroutine);
  return problem_ == nullptr;
}

BytesView ReadOperation::taken() {
  if (future_) {
    input_->stop_waiting();
    const Ref<FutureCore> future = std::move(future_);
    if (problem_ != nullptr) throw InvalidStateError(problem_);
    TaskCore::current()->resumed_from(*future);
    future->require_result();
  }
  // From here on nothing is put back: it is given, as a result or in the error.
  const std::shared_ptr<StreamInput> input = std::move(input_);
  return input->take(demand_);
}

}  // namespace tidegate::detail
