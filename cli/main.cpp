// The command's words: which commands there are, which arguments they take, and what their ends mean for the
// shell.
#include "arguments.hpp"
#include "bench/options.hpp"
#include "bench_command.hpp"
#include "demo_command.hpp"
#include "echo_command.hpp"
#include "output.hpp"
#include "relay/options.hpp"
#include "relay_command.hpp"
#include "security.hpp"
#include "tls_terms.hpp"

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace {

using tidegate::cli::DemoOptions;
using tidegate::cli::EchoOptions;
using tidegate::cli::ExitCode;
using tidegate::cli::UsageError;

/// What was typed, before anybody has looked at what it means.
struct CommandLine {
  std::vector<std::string> urls;
  std::string backend = "auto";
  std::string spin = "0";
  bool quiet = false;
  bool json = false;
  tidegate::cli::bench::Words bench;
  tidegate::cli::relay::Words relay;
};

/// The commands that there are; the one that was asked for has been parsed.
struct Commands {
  const CLI::App& echo;
  const CLI::App& demo;
  const CLI::App& bench;
  const CLI::App& relay;
};

void add_backend_option(CLI::App& command, std::string& backend) {
  command.add_option("--backend", backend, "the kernel interface: auto, epoll or io_uring")
      ->type_name("NAME")
      ->capture_default_str();
}

void add_spin_option(CLI::App& command, std::string& spin) {
  command
      .add_option("--spin", spin,
                  "ask for events so long before sleeping: answers sooner, keeps a processor busy")
      ->type_name("MICROSECONDS")
      ->capture_default_str();
}

std::string with_tls_parameters(const char* explanation) {
  return fmt::format("{}\n\n{}", explanation, tidegate::cli::kTlsParameters);
}

CLI::App& add_echo(CLI::App& app, CommandLine& line) {
  CLI::App& echo = *app.add_subcommand("echo", "Send back whatever arrives, until SIGINT or SIGTERM");
  echo.add_option("URL", line.urls,
                  "where to listen: tcp://HOST:PORT, tls://HOST:PORT?cert=FILE, udp://HOST:PORT, "
                  "unix:///PATH or unix://@NAME")
      ->type_name("");
  echo.add_flag("--quiet", line.quiet, "no lines about connections");
  add_backend_option(echo, line.backend);
  add_spin_option(echo, line.spin);
  echo.footer(with_tls_parameters(
      "Prints \"listening on URL\" for each listening socket, with the port that the system chose for port "
      "0.\n"
      "Without a HOST it listens on every interface (udp: of IPv4). Connections are logged to standard "
      "error."));
  return echo;
}

CLI::App& add_demo(CLI::App& app, CommandLine& line) {
  CLI::App& demo =
      *app.add_subcommand("demo", "Run clients and servers over every transport and backend, and check them");
  demo.add_flag("--json", line.json, "one JSON document instead of the table");
  add_backend_option(demo, line.backend);
  demo.footer(
      "Without --backend (and TIDEGATE_BACKEND) it runs on every backend that the kernel grants.\n"
      "The exit status is 1 if a byte was wrong or a callback came out of order.");
  return demo;
}

void add_bench_options(CLI::App& bench, tidegate::cli::bench::Words& words) {
  bench
      .add_option(
          "URL", words.url,
          "the server: tcp://HOST:PORT, tls://HOST:PORT, udp://HOST:PORT, unix:///PATH or unix://@NAME")
      ->type_name("");
  bench.add_option("--mode", words.mode, "echo, source, sink, storm or idle")
      ->type_name("MODE")
      ->capture_default_str();
  bench.add_option("--connections", words.connections, "connections at a time [1]")->type_name("N");
  bench.add_option("--size", words.size, "bytes of a message, or K or M of them [64; source: 64K]")
      ->type_name("BYTES");
  bench.add_option("--pipeline", words.pipeline, "messages under way on each connection [1]")->type_name("N");
  bench.add_option("--duration", words.duration, "how long it takes, in seconds; fractions are allowed")
      ->type_name("S")
      ->capture_default_str();
  bench.add_flag("--listen", words.listen, "source and sink: wait for connections instead of making them");
  bench.add_flag("--check", words.check, "sink: compare every byte with what a Tidegate source sends");
  bench.add_flag("--json", words.json, "one JSON object instead of lines");
  add_backend_option(bench, words.backend);
  add_spin_option(bench, words.spin);
}

CLI::App& add_bench(CLI::App& app, CommandLine& line) {
  CLI::App& bench = *app.add_subcommand("bench", "Put a load on a server, measure it, and check every byte");
  add_bench_options(bench, line.bench);
  bench.footer(with_tls_parameters(tidegate::cli::bench::kExplanation));
  return bench;
}

CLI::App& add_relay(CLI::App& app, CommandLine& line) {
  CLI::App& relay =
      *app.add_subcommand("relay", "Join two endpoints both ways, no faster than either of them takes it");
  tidegate::cli::relay::Words& words = line.relay;
  relay.add_option("FROM TO", words.places, "the two ends, see below")->type_name("");
  relay.add_option("--max-connections", words.max_connections, "accept no more than N at a time")
      ->type_name("N");
  relay.add_option("--buffer", words.buffer, "bytes that may wait to be written, or K or M of them [64K]")
      ->type_name("BYTES");
  relay
      .add_option("--udp-timeout", words.udp_timeout,
                  "silence after which UDP is taken for ended, in seconds [1]")
      ->type_name("SECONDS");
  relay
      .add_option("--tls-timeout", words.tls_timeout,
                  "silence after which the answer of a TO over TLS is taken for complete, in seconds [60]")
      ->type_name("SECONDS");
  relay.add_flag("--stats", words.stats, "show each connection while it goes: bytes, rate, buffer, paused");
  relay.add_flag("--quiet", words.quiet, "no lines about connections that are accepted");
  add_backend_option(relay, words.backend);
  relay.footer(with_tls_parameters(tidegate::cli::relay::kExplanation));
  return relay;
}

/// How to ask for help about what was just typed wrongly.
std::string help_hint(const CLI::App& app) {
  const auto commands = app.get_subcommands();
  return commands.empty() ? "tidegate --help"
                          : fmt::format("tidegate {} --help", commands.front()->get_name());
}

/// What no command and no option has asked for.
void refuse_leftovers(const CLI::App& app) {
  const std::vector<std::string> leftovers = app.remaining(true);
  if (leftovers.empty()) return;
  const bool is_option = leftovers.front().starts_with('-');
  const bool is_command = !is_option && app.get_subcommands().empty();
  throw UsageError(
      is_command
          ? fmt::format("unknown command \"{}\", expected echo, demo, bench or relay", leftovers.front())
          : fmt::format("unexpected {} \"{}\"", is_option ? "option" : "argument", leftovers.front()));
}

/// What the shell gets.
int run(const CLI::App& app, const Commands& commands, const CommandLine& line) {
  refuse_leftovers(app);
  if (commands.echo.parsed()) {
    EchoOptions options;
    for (tidegate::Url& url : tidegate::cli::parse_urls(line.urls)) {
      tidegate::cli::Security security = tidegate::cli::Security::of_listening(url);
      options.places.push_back({std::move(url), std::move(security)});
    }
    options.backend = tidegate::cli::parse_backend(line.backend);
    options.spin = tidegate::cli::parse_spin(line.spin);
    options.quiet = line.quiet;
    return static_cast<int>(run_echo(options));
  }
  if (commands.demo.parsed()) {
    DemoOptions options;
    options.backend = tidegate::cli::parse_backend(line.backend);
    options.json = line.json;
    return static_cast<int>(run_demo(options));
  }
  if (commands.bench.parsed())
    return static_cast<int>(tidegate::cli::run_bench(tidegate::cli::bench::parse_options(line.bench)));
  if (commands.relay.parsed())
    return tidegate::cli::run_relay(tidegate::cli::relay::parse_options(line.relay));
  throw UsageError("no command, expected echo, demo, bench or relay");
}

/// The parser only counts what is missing: "--size: 1 required BYTES missing".
std::string missing_value_text(const CLI::App& app, const CLI::ArgumentMismatch& error) {
  const std::string text = error.what();
  const std::string name = text.substr(0, text.find(':'));
  const auto commands = app.get_subcommands();
  const CLI::Option* option =
      commands.empty() ? nullptr : std::as_const(*commands.front()).get_option_no_throw(name);
  return option == nullptr ? text
                           : fmt::format("no value for {}, expected {}", name, option->get_type_name());
}

int reject(const CLI::App& app, const char* problem) {
  tidegate::cli::print_error(problem);
  tidegate::cli::print_log(fmt::format("See '{}'.", help_hint(app)));
  return static_cast<int>(ExitCode::usage);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Transports and protocols: bytes from here to there, kept in bounds.", "tidegate");
  app.set_version_flag("--version", "tidegate " TIDEGATE_VERSION);
  app.footer(
      "Try it:\n"
      "  tidegate demo\n"
      "  tidegate echo tcp://127.0.0.1:8080 unix:///tmp/echo.sock\n"
      "  tidegate bench tcp://127.0.0.1:8080\n"
      "  tidegate relay listen+tcp://127.0.0.1:8081 tcp://127.0.0.1:8080 --stats\n\n"
      "'tidegate COMMAND --help' tells what a command takes.");
  app.require_subcommand(0, 1);
  app.allow_extras();  // for error texts of our own, here and in the commands

  CommandLine line;
  const Commands commands{add_echo(app, line), add_demo(app, line), add_bench(app, line),
                          add_relay(app, line)};

  int result = static_cast<int>(ExitCode::success);
  try {
    app.parse(argc, argv);
    result = run(app, commands, line);
  } catch (const CLI::Success& asked) {
    return app.exit(asked);  // prints the help or the version
  } catch (const CLI::ArgumentMismatch& error) {
    result = reject(app, missing_value_text(app, error).c_str());
  } catch (const CLI::ParseError& error) {
    result = reject(app, error.what());
  } catch (const std::invalid_argument& error) {
    // Also what the library finds wrong with an argument, or with TIDEGATE_BACKEND.
    result = reject(app, error.what());
  } catch (const std::exception& error) {
    tidegate::cli::print_error(error.what());
    result = static_cast<int>(ExitCode::failure);
  }
  return result;
}
