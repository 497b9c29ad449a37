// Sending a file: see file_on_its_way.hpp.
#include "file_on_its_way.hpp"

#include "names.hpp"
#include "python_error.hpp"

#include <utility>

namespace tidegate::python {

std::shared_ptr<FileOnItsWay> FileOnItsWay::begin(transport::InnerTransport& transport, int descriptor,
                                                  std::uint64_t offset, std::uint64_t most_bytes,
                                                  PyObject* future) {
  auto file = std::make_shared<FileOnItsWay>();
  transport.begin_file();
  file->transport_ = Ref<transport::InnerTransport>(&transport);
  file->file_ = {.file = FileDescriptor{descriptor}, .next = offset, .left = most_bytes};
  file->first_ = offset;
  file->future_ = Owned::share(future);
  try {
    file->sending_ = transport.send_file(file->file_);
    file->sending_.add_done_callback([file](const Future<void>& sending) { file->done(sending); });
  } catch (...) {
    file->end();
    throw;
  }
  return file;
}

void FileOnItsWay::done(const Future<void>& sending) {
  if (!future_) return;  // nobody waits any more
  const Owned future = std::move(future_);
  const std::exception_ptr failure = sending.core()->failure();
  Owned told;
  if (failure == nullptr) {
    told = Owned::take(
        PyObject_CallFunctionObjArgs(names().set_result_unless_cancelled, future.get(), Py_None, nullptr));
  } else {
    const Owned exception = exception_for_python(failure);
    if (!exception) throw_python_error();
    told = Owned::take(PyObject_CallFunctionObjArgs(names().set_exception_unless_done, future.get(),
                                                    exception.get(), nullptr));
  }
  if (!told) throw_python_error();
}

std::uint64_t FileOnItsWay::end() {
  future_.reset();
  if (transport_) {
    const Ref<transport::InnerTransport> transport = std::move(transport_);
    if (sending_ && !sending_.done()) sending_.cancel();
    transport->end_file();
  }
  return file_.next - first_;
}

}  // namespace tidegate::python
