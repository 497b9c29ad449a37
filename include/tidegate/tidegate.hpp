// Everything: includes every public header.
#pragma once

#include <tidegate/bytes.hpp>
#include <tidegate/callback.hpp>
#include <tidegate/chunk.hpp>
#include <tidegate/datagram.hpp>
#include <tidegate/descriptor.hpp>
#include <tidegate/endpoint.hpp>
#include <tidegate/error.hpp>
#include <tidegate/event.hpp>
#include <tidegate/future.hpp>
#include <tidegate/gather.hpp>
#include <tidegate/handle.hpp>
#include <tidegate/log.hpp>
#include <tidegate/loop.hpp>
#include <tidegate/protocol.hpp>
#include <tidegate/queue.hpp>
#include <tidegate/ref.hpp>
#include <tidegate/server.hpp>
#include <tidegate/shield.hpp>
#include <tidegate/sleep.hpp>
#include <tidegate/socket.hpp>
#include <tidegate/task.hpp>
#include <tidegate/task_group.hpp>
#include <tidegate/timeout.hpp>
#include <tidegate/transport.hpp>
#include <tidegate/with_server.hpp>
