// Readers and writers: see watched_descriptors.hpp.
#include "watched_descriptors.hpp"

#include "handle.hpp"
#include "loop/watches.hpp"
#include "native_loop.hpp"
#include "python_error.hpp"

namespace tidegate::python {

void WatchedDescriptors::add(int descriptor, kernel::Readiness readiness, Owned handle) {
  PyObject* const called = handle.get();
  // The one that is watched is replaced there, or stays where this throws.
  loop_.core().watches().add(FileDescriptor{descriptor}, readiness, [called] {
    const Owned keep = Owned::share(called);
    HandlePart::of(called).call();
  });
  const Owned before = std::exchange(handles_[descriptor].of(readiness), std::move(handle));
  if (before) HandlePart::of(before.get()).cancel();
  if (PyErr_Occurred() != nullptr) throw_python_error();  // debug mode asks for its repr
}

bool WatchedDescriptors::remove(int descriptor, kernel::Readiness readiness) {
  const auto found = handles_.find(descriptor);
  if (found == handles_.end() || !found->second.of(readiness)) return false;
  const Owned handle = std::exchange(found->second.of(readiness), Owned());
  if (!found->second.reader && !found->second.writer) handles_.erase(found);
  loop_.core().watches().remove(FileDescriptor{descriptor}, readiness);
  HandlePart::of(handle.get()).cancel();
  if (PyErr_Occurred() != nullptr) throw_python_error();  // as above
  return true;
}

bool WatchedDescriptors::contains(int descriptor, kernel::Readiness readiness) const noexcept {
  const auto found = handles_.find(descriptor);
  if (found == handles_.end()) return false;
  return static_cast<bool>(readiness == kernel::Readiness::readable ? found->second.reader
                                                                    : found->second.writer);
}

void WatchedDescriptors::clear() noexcept { const auto gone = std::exchange(handles_, {}); }

int WatchedDescriptors::traverse(visitproc visit, void* arg) const {
  for (const auto& [descriptor, handles] : handles_) {
    Py_VISIT(handles.reader.get());
    Py_VISIT(handles.writer.get());
  }
  return 0;
}

}  // namespace tidegate::python
