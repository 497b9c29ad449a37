// The Python types of stream transports, which differ in their methods and in what of asyncio's they derive
// from.
#pragma once

#include "extended_type.hpp"
#include "python.hpp"
#include "stream_part.hpp"

namespace tidegate::python {

/// The part lies at the same place in all of them: any of them finds it.
struct StreamTypes {
  ExtendedType<StreamPart> socket;
  ExtendedType<StreamPart> tls;
  ExtendedType<StreamPart> read_pipe;
  ExtendedType<StreamPart> write_pipe;
};

/// Makes the types. False with an exception set.
[[nodiscard]] bool prepare_streams(PyObject* module);

[[nodiscard]] const StreamTypes& stream_types() noexcept;
/// Where asyncio.BaseTransport keeps what get_extra_info gives.
[[nodiscard]] const SlotOfClass& stream_extra() noexcept;

}  // namespace tidegate::python
