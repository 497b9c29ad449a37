// See director.hpp.
#include "sim/director.hpp"

#include "sim/datagram_end.hpp"
#include "sim/stream_end.hpp"
#include "sim/talker.hpp"
#include "sim/tls_terms.hpp"
#include "sim/upgrade.hpp"

#include <array>
#include <chrono>
#include <exception>
#include <optional>
#include <system_error>
#include <utility>

namespace tidegate::workload {

using namespace std::chrono_literals;

bool is_expected(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const std::system_error&) {
    return true;  // of the network, of names, of TLS
  } catch (const TimeoutError&) {
    return true;
  } catch (const CancelledError&) {
    return true;
  } catch (const Mischief&) {
    return true;
  } catch (...) {
    return false;
  }
}

namespace {

constexpr std::array<const char*, 3> kAddresses = {"10.0.0.1", "10.0.0.2", "fd00::1"};
constexpr Port kPort{7000};

/// Has `task` end however the weather wants it; anything else is a fault.
Task<> in_any_weather(Stage& stage, Task<> task) {
  std::exception_ptr failure;
  try {
    co_await std::move(task);
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure == nullptr) co_return;
  if (!is_expected(failure)) stage.diary.fault(0, "a task ended with: " + describe(failure));
}

}  // namespace

// --- the play ----------------------------------------------------------------------------------------------

Task<> Director::direct() {
  stage_.network.add_host("one.example", kAddresses[0]);
  stage_.network.add_host("both.example", kAddresses[1]);
  stage_.network.add_host("both.example", kAddresses[2]);
  const std::size_t scenes = stage_.random.between(5, 80);
  for (std::size_t scene = 0; scene < scenes; ++scene) {
    do_something();
    auto pause = sleep(stage_.some_time(2s));
    co_await std::move(pause);
  }
  auto end = finish();
  co_await std::move(end);
}

void Director::do_something() {
  switch (stage_.random.below(22)) {
    case 0:
    case 1:
      return begin(in_any_weather(stage_, serve(false)));
    case 2:
      return begin(in_any_weather(stage_, serve(true)));
    case 3:
    case 4:
    case 5:
    case 6:
      return begin(in_any_weather(stage_, connect(false)));
    case 7:
      return begin(in_any_weather(stage_, connect(true)));
    case 8:
      return begin(in_any_weather(stage_, connect_pair()));
    case 9:
      return begin(in_any_weather(stage_, connect_pipe()));
    case 10:
    case 11:
      return begin(in_any_weather(stage_, open_datagrams()));
    case 12:
      return begin(in_any_weather(stage_, wait_for_nothing()));
    case 13:
      if (stage_.random.chance(30)) return talks_.end_a_server();
      return stage_.random.chance(50) ? end_a_server() : cancel_a_task();
    case 14:
      return change_the_weather();
    case 15:
    case 16:
    case 17:
    case 18:
      return begin_talk();
    case 19:
    case 20:
      return begin(in_any_weather(stage_, upgrade_some_connection(stage_)));
    default:
      return act_outside_of_callbacks();
  }
}

void Director::begin_talk() {
  const bool is_server = stage_.random.chance(35);
  auto task = is_server ? talks_.serve() : talks_.connect();
  talk_tasks_.push_back(stage_.loop.create_task(in_any_weather(stage_, std::move(task))));
}

// --- servers
// -------------------------------------------------------------------------------------------------

Task<> Director::serve(bool is_unix) {
  Place place;
  place.is_unix = is_unix;
  place.accepted = std::make_shared<std::vector<StreamEnd*>>();
  place.name = is_unix ? "@place " + std::to_string(++names_given_)
                       : kAddresses[stage_.random.below(kAddresses.size())];
  note("serve", is_unix ? 1 : 0);
  const auto factory = [this, accepted = place.accepted, secured = stage_.mood.secured] {
    StreamEnd& end = stage_.add_stream_end(secured);
    accepted->push_back(&end);
    return end.make_first_protocol();
  };
  const int backlog = static_cast<int>(stage_.random.between(1, 20));
  if (is_unix) {
    UnixServerOptions options{.backlog = backlog};
    if (stage_.mood.secured) options.tls = server_context();
    auto starting = stage_.loop.create_unix_server(factory, place.name, options);
    place.server = co_await std::move(starting);
  } else {
    ServerOptions options{.backlog = backlog};
    if (stage_.mood.secured) options.tls = server_context();
    auto starting = stage_.loop.create_server(factory, place.name, kPort, options);
    place.server = co_await std::move(starting);
  }
  places_.push_back(std::move(place));
}

void Director::end_a_server() {
  if (places_.empty()) return;
  Place& place = stage_.one_of(places_);
  note("end a server");
  switch (stage_.random.below(3)) {
    case 0:
      place.server.close();
      break;
    case 1:
      for (StreamEnd* end : *place.accepted) end->may_be_closed();
      place.server.close_clients();
      break;
    default:
      for (StreamEnd* end : *place.accepted) end->may_be_aborted();
      place.server.abort_clients();
  }
}

// --- connections
// -----------------------------------------------------------------------------------------------

Task<> Director::connect(bool is_unix) {
  // Where somebody listens, if there is such a place, and by name where it has one; sometimes where nobody
  // does.
  std::string name = is_unix ? "@nowhere" : stage_.random.chance(50) ? "both.example" : "one.example";
  std::vector<const Place*> fitting;
  for (const Place& place : places_) {
    if (place.is_unix == is_unix) fitting.push_back(&place);
  }
  if (!fitting.empty() && !stage_.random.chance(10)) {
    const Place& place = *stage_.one_of(fitting);
    if (is_unix || stage_.random.chance(70)) name = place.name;
  }
  StreamEnd& end = stage_.add_stream_end(stage_.mood.secured);
  note("connect", end.number());
  // Whoever gives up may find it connected already.
  const auto limit = stage_.random.chance(20) ? std::optional<Duration>(stage_.some_time(5s)) : std::nullopt;
  end.may_be_given_up();
  const auto factory = [&end] { return end.make_first_protocol(); };
  if (is_unix) {
    SecureConnectOptions options;
    if (stage_.mood.secured) {
      options.tls = client_context();
      options.server_hostname = "localhost";
    }
    auto connecting = wait_for(stage_.loop.create_unix_connection(factory, name, options), limit);
    const auto made = co_await std::move(connecting);
  } else {
    ConnectOptions options;
    if (stage_.mood.secured) {
      options.tls = client_context();
      options.server_hostname = "localhost";
    }
    if (stage_.random.chance(50)) options.happy_eyeballs_delay = stage_.some_time(500ms);
    auto connecting = wait_for(stage_.loop.create_connection(factory, name, kPort, options), limit);
    const auto made = co_await std::move(connecting);
  }
  end.is_not_given_up();
}

Task<> Director::connect_pair() {
  auto [one, other] = stage_.network.socket_pair();
  StreamEnd& here = stage_.add_stream_end(false);
  StreamEnd& there = stage_.add_stream_end(false);
  note("connect a pair", here.number());
  const auto make_here = [&here] { return here.make_first_protocol(); };
  const auto make_there = [&there] { return there.make_first_protocol(); };
  auto connecting = stage_.loop.create_connection(make_here, std::move(one));
  auto accepting = stage_.loop.connect_accepted_socket(make_there, std::move(other));
  const auto made_here = co_await std::move(connecting);
  const auto made_there = co_await std::move(accepting);
}

Task<> Director::connect_pipe() {
  auto [read_end, write_end] = stage_.network.pipe();
  StreamEnd& reader = stage_.add_stream_end(false);
  StreamEnd& writer = stage_.add_stream_end(false);
  note("connect a pipe", reader.number());
  const auto make_reader = [&reader] { return reader.make_first_protocol(); };
  const auto make_writer = [&writer] { return writer.make_first_protocol(); };
  auto reading = stage_.loop.connect_read_pipe(make_reader, std::move(read_end));
  auto writing = stage_.loop.connect_write_pipe(make_writer, std::move(write_end));
  const auto made_reader = co_await std::move(reading);
  const auto made_writer = co_await std::move(writing);
}

Task<> Director::open_datagrams() {
  DatagramEnd& end = stage_.add_datagram_end();
  note("open datagrams");
  const auto factory = [&end] { return end.make_protocol(); };
  const bool is_unix = stage_.random.chance(20);
  const std::string local = is_unix ? "@datagrams " + std::to_string(++names_given_)
                                    : kAddresses[stage_.random.below(kAddresses.size())];
  DatagramOptions options{.local = is_unix ? DatagramAddress(local) : DatagramAddress(local, Port{0})};
  std::string remote;
  DatagramEnd& other = *stage_.one_of(stage_.datagrams);
  if (!is_unix && other.is_open() && stage_.random.chance(30)) {
    const Endpoint there = other.address();
    if (there.family() != AddressFamily::unix_domain) {
      remote = there.host();
      if ((remote.find(':') == std::string::npos) == (local.find(':') == std::string::npos)) {
        options.remote = {remote, there.port()};
        end.is_connected();
      }
    }
  }
  auto opening = stage_.loop.create_datagram_endpoint(factory, options);
  const auto opened = co_await std::move(opening);
}

// --- other things
// ------------------------------------------------------------------------------------------------

/// Time-outs and cancellations are what they say, and never early.
Task<> Director::wait_for_nothing() {
  const Duration length = stage_.some_time(3s);
  const Duration limit = stage_.some_time(3s);
  const TimePoint begin = stage_.loop.time();
  bool in_time = true;
  auto waiting = wait_for(sleep(length), limit);
  try {
    co_await std::move(waiting);
  } catch (const TimeoutError&) {
    in_time = false;
  }
  const Duration passed = stage_.loop.time() - begin;
  note("waited", passed.count());
  if (passed < (in_time ? length : limit)) stage_.diary.fault(0, "a wait has ended early (E1)");
  if (in_time && length > limit + 10ms) stage_.diary.fault(0, "a time-out did not come");
}

void Director::change_the_weather() {
  note("change the weather");
  SimulatedNetwork& network = stage_.network;
  const char* const address = kAddresses[stage_.random.below(kAddresses.size())];
  switch (stage_.random.below(5)) {
    case 0:
      return network.cut(address);
    case 1:
    case 2:
      return network.mend(address);
    case 3:
      stage_.is_gentle = false;
      return network.reset_connections(address);
    default:
      return stage_.set_weather(NetworkConditions::rough(stage_.random.next()));
  }
}

void Director::act_outside_of_callbacks() {
  if (!stage_.streams.empty()) stage_.one_of(stage_.streams)->act();
  if (!stage_.datagrams.empty()) stage_.one_of(stage_.datagrams)->act();
}

void Director::cancel_a_task() {
  auto& tasks = stage_.random.chance(50) ? tasks_ : talk_tasks_;
  if (tasks.empty()) return;
  note("cancel a task");
  static_cast<void>(stage_.one_of(tasks).cancel());
}

// --- the end
// -----------------------------------------------------------------------------------------------------

/// Mends everything, lets everybody close and read to the end, then aborts what is left.
Task<> Director::finish() {
  note("finale");
  for (const char* const address : kAddresses) stage_.network.mend(address);
  stage_.set_weather(NetworkConditions::calm());
  if (stage_.random.chance(50)) {
    for (const TaskHandle<>& task : tasks_) static_cast<void>(task.cancel());
  }
  auto ending = wait_for_all(tasks_);
  co_await std::move(ending);
  stage_.is_finale = true;
  talks_.close_servers();
  for (Place& place : places_) place.server.close();
  for (const auto& end : stage_.streams) end->finish(stage_.random.chance(20));
  for (const auto& end : stage_.datagrams) end->finish(stage_.random.chance(20));
  for (const auto& talker : stage_.talkers) talker->finish(stage_.random.chance(20));
  auto flushing = sleep(300s);
  co_await std::move(flushing);
  for (const auto& end : stage_.streams) end->finish(true);
  for (const auto& end : stage_.datagrams) end->finish(true);
  for (const auto& talker : stage_.talkers) talker->finish(true);
  auto closing_talks = talks_.wait_for_servers();
  co_await std::move(closing_talks);
  auto ending_talks = wait_for_all(talk_tasks_);
  co_await std::move(ending_talks);
  for (const Place& place : places_) {
    auto closing = place.server.wait_closed();
    co_await std::move(closing);
  }
  auto settling = sleep(300s);
  co_await std::move(settling);
  if (stage_.network.open_descriptors() != 0)
    stage_.diary.fault(0, "descriptors are open when everything has ended (L9)");
  if (const std::size_t tasks = all_tasks(stage_.loop).size(); tasks != 1)
    stage_.diary.fault(0, "tasks that have not ended beside this one: " + std::to_string(tasks - 1));
}

Task<> Director::wait_for_all(const std::vector<TaskHandle<>>& tasks) {
  for (std::size_t index = 0; index < tasks.size(); ++index) {
    while (!tasks[index].done()) {
      auto pause = sleep(1s);
      co_await std::move(pause);
    }
  }
}

}  // namespace tidegate::workload
