// HAProxy in master-worker mode: the master stays when the workers are replaced by a reload.
#include "platform/haproxy/front_door.hpp"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <condition_variable>
#include <cstring>
#include <sstream>
#include <thread>

#include "platform/config/config.hpp"
#include "platform/haproxy/waiting_pages.hpp"
#include "platform/log/log.hpp"
#include "platform/process/helper.hpp"
#include "platform/process/run.hpp"

namespace haproxy {

namespace {
using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

/// 0 when the port can be bound, else the errno.
int bind_error(std::string const& address, int port) {
  sockaddr_storage storage{};
  auto* const v4 = reinterpret_cast<sockaddr_in*>(&storage);
  auto* const v6 = reinterpret_cast<sockaddr_in6*>(&storage);
  bool const is_v6 = address.find(':') != std::string::npos;
  files::Descriptor const probe{
      ::socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  int const on = 1;
  ::setsockopt(probe.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  socklen_t size = 0;
  if (is_v6) {
    ::setsockopt(probe.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(std::uint16_t(port));
    inet_pton(AF_INET6, address.c_str(), &v6->sin6_addr);
    size = sizeof *v6;
  } else {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(std::uint16_t(port));
    if (address != "*") inet_pton(AF_INET, address.c_str(), &v4->sin_addr);
    size = sizeof *v4;
  }
  if (::bind(probe.get(), reinterpret_cast<sockaddr*>(&storage), size) != 0) return errno;
  return ::listen(probe.get(), 1) == 0 ? 0 : errno;
}

constexpr auto look_pause = 2s;

/// Halted by a signal: nothing of it runs.
bool is_stopped(pid_t pid) {
  auto const stat = files::read("/proc/" + std::to_string(pid) + "/stat").value_or("");
  auto const name_end = stat.rfind(')');
  return name_end != std::string::npos && stat.size() > name_end + 2 && stat[name_end + 2] == 'T';
}

bool is_inner_address(std::uint32_t address) {
  auto within = [address](std::uint32_t network, int bits) {
    return address >> (32 - bits) == network >> (32 - bits);
  };
  return within(0x7f000000, 8) || within(0x0a000000, 8) || within(0xac100000, 12) ||
         within(0xc0a80000, 16) || within(0x64400000, 10);
}
}  // namespace

void require_port(std::string const& address, int port, std::string_view setting) {
  auto const end = Steady::now() + 5s;
  while (int const error = bind_error(address, port)) {
    auto const where = "port " + std::to_string(port) + " of " + address;
    if (error == EADDRINUSE && Steady::now() < end) {
      std::this_thread::sleep_for(20ms);
      continue;
    }
    if (error == EADDRINUSE)
      throw config::Mistake{where + " is taken by another program: end it, or set " +
                            std::string{setting} + " to another port"};
    if (error == EACCES && process::helper()) return;  // HAProxy may, and says whether it could
    if (error == EACCES)
      throw config::Mistake{where + " is open to root only: start as root, or set " +
                            std::string{setting} + " to a port above 1023"};
    throw config::Mistake{where + " cannot be used: " + std::strerror(error) +
                          "; set http_bind to an address of this machine"};
  }
}

void require_ports(Settings const& settings) {
  for (auto const& address : usable_addresses(settings.bind_addresses)) {
    require_port(address, settings.https_port, "http_port");
    require_port(address, settings.tenant_port, "tenant_port");
    if (!settings.shares_tls_port())
      require_port(address, settings.tenant_tls_port, "tenant_tls_port");
  }
}

std::string checked_host(std::string const& host) {
  std::string name;
  for (char const c : host) name += c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c;
  if (name.ends_with('.')) name.pop_back();
  if (name.empty() || name.size() > 253 || name.front() == '.' || name.front() == '-' ||
      name.find("..") != std::string::npos ||
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-") != std::string::npos)
    throw std::runtime_error{"not a host name: \"" + host + '"'};
  return name;
}

void check_route_value(std::string const& value) {
  if (value.starts_with(tls_prefix) && !value.starts_with("tls:tls:"))
    return check_route_value(value.substr(std::string_view{tls_prefix}.size()));
  if (value == "suspended" || value == "maintenance" || value == "starting") return;
  auto const colon = value.find(':');
  in_addr address{};
  int port = 0;
  if (value.starts_with(redirect_prefix) || value.starts_with(fallback_prefix)) {
    auto const target = value.substr(colon + 1);
    auto const end = target.find(':');
    static_cast<void>(checked_host(target.substr(0, end)));
    if (end == std::string::npos) return;
    auto const digits = std::string_view{target}.substr(end + 1);
    if (!digits.empty() && digits.size() < 6 &&
        digits.find_first_not_of("0123456789") == std::string_view::npos)
      return;
  }
  if (colon != std::string::npos &&
      inet_pton(AF_INET, value.substr(0, colon).c_str(), &address) == 1 &&
      is_inner_address(ntohl(address.s_addr))) {
    auto const* const end = value.data() + value.size();
    auto const [stop, error] = std::from_chars(value.data() + colon + 1, end, port);
    if (error == std::errc{} && stop == end && port > 0 && port < 65536) return;
  }
  throw std::runtime_error{
      "a route leads to a loopback or private IPv4 address with its port, or "
      "is suspended, maintenance, starting, redirect:host or fallback:host, not \"" +
      value + '"'};
}

FrontDoor::FrontDoor(Settings settings, process::Supervisor& supervisor)
    : settings_{std::move(settings)},
      supervisor_{supervisor},
      places_{settings_.directory},
      runtime_{places_.runtime_socket},
      identity_{process::service_user(settings_.run_as, "haproxy")},
      shared_{identity_ ? std::optional{identity_->group} : std::nullopt},
      certificates_{places_, runtime_, shared_} {
  make_directories();
  routes_ = read_map_file();
}

std::filesystem::path FrontDoor::program_socket(std::filesystem::path const& directory) {
  return Places{directory}.program_directory / "http.sock";
}

void FrontDoor::make_directories() {
  if (places_.runtime_socket.string().size() > 90)  // HAProxy adds a suffix while it binds
    throw std::runtime_error{"the path " + places_.runtime_socket.string() +
                             " is too long for a unix socket: choose a shorter data_dir"};
  if (::access(settings_.executable.c_str(), X_OK) != 0)
    throw std::runtime_error{"HAProxy is not installed (" + settings_.executable +
                             "): run `apt install haproxy`"};
  shared_.make_socket_directory(settings_.directory);
  shared_.make_directory(places_.pages);
  shared_.make_socket_directory(places_.program_directory);
  certificates_.load();
  if (!identity_) return;
  if (auto const closed = process::closed_directory(places_.program_directory, *identity_))
    throw std::runtime_error{"the user " + identity_->name + " (HAProxy) cannot enter " +
                             closed->string() + ": run `chmod o+x " + closed->string() +
                             "`, or set data_dir to another place"};
}

void FrontDoor::remove_strange_sockets() const {
  if (!identity_) return;
  for (auto const& socket : {places_.runtime_socket, places_.relay_socket, places_.probe_socket}) {
    struct stat now {};
    if (::lstat(socket.c_str(), &now) == 0 && now.st_uid != identity_->user)
      ::unlink(socket.c_str());
  }
}

std::string FrontDoor::certificate_of(Settings const& settings) {
  if (auto text = process::read_setting(settings.certificate)) return std::move(*text);
  throw std::runtime_error{files::sentence("read the certificate", settings.certificate, ENOENT)};
}

void FrontDoor::write_checked(Settings const& settings) {
  for (auto const& page : {program_page(), tenant_page(), cookies_page()})
    shared_.write(places_.pages / page.file, page.html);
  shared_.write(places_.wait_script, wait_script(settings));
  auto const group = shared_.group ? std::to_string(*shared_.group) : std::string{};
  auto const with = [&](std::filesystem::path const& certificate) {
    auto changed = settings;
    changed.certificate = certificate;
    return configuration(changed, group);
  };
  auto const certificate = places_.certificate.string() + ".new";
  auto const candidate = places_.configuration.string() + ".new";
  shared_.write(certificate, certificate_of(settings));
  shared_.write(candidate, with(certificate));
  auto check = [&] {
    return process::run({.executable = settings.executable,
                         .arguments = {"-c", "-f", candidate},
                         .directory = settings.directory},
                        settings.longest_loading);
  };
  auto checked = check();
  // Everybody's front door does not stay shut because of one customer's certificate.
  if (!checked.ending.success() && certificates_.set_aside()) {
    logging::error("haproxy",
                   "starting without customers' certificates, they are tried one by one later: {}",
                   checked.output);
    checked = check();
  }
  if (!checked.ending.success())
    throw std::runtime_error{"HAProxy refuses its configuration " + candidate + ":\n" +
                             checked.output};
  std::filesystem::rename(certificate, places_.certificate);
  shared_.write(places_.configuration, with(places_.certificate));
  std::filesystem::remove(candidate);
}

void FrontDoor::start() {
  (void)certificate_of(settings_);
  require_ports(settings_);
  remove_strange_sockets();
  {
    std::lock_guard const lock{mutex_};
    write_map();
  }
  write_checked(settings_);
  auto const name = std::string{process_name};
  supervisor_.start({.name = name,
                     .launch = {.executable = settings_.executable,
                                .arguments = {"-W", "-f", places_.configuration.string()},
                                .directory = settings_.directory,
                                .run_as = identity_,
                                .death_signal = SIGTERM,
                                .binds_low_ports = identity_.has_value()},
                     .longest_pause = 2s,
                     .layer = 2,
                     .stop_signal = SIGTERM,
                     .grace = 5s,
                     .log_file = settings_.directory / "haproxy.log"});
  auto const end = Steady::now() + settings_.longest_loading;
  while (!answers()) {
    auto const status = supervisor_.status(name);
    if (!status || status->state != process::State::running || Steady::now() > end) {
      auto const output = status ? status->last_output : std::string{};
      supervisor_.stop(name);
      throw std::runtime_error{"HAProxy did not start:\n" + output};
    }
    std::this_thread::sleep_for(5ms);
  }
  if (!watcher_.joinable())
    watcher_ = std::jthread{[this, silence = settings_.longest_silence,
                             loading = settings_.longest_loading](std::stop_token const& stopping) {
      watch(stopping, silence, loading);
    }};
}

void FrontDoor::watch(std::stop_token const& stopping, std::chrono::milliseconds longest_silence,
                      std::chrono::milliseconds longest_loading) {
  std::mutex mutex;
  std::condition_variable_any wake;
  auto const pause = [&](std::chrono::milliseconds time) {
    std::unique_lock lock{mutex};
    return wake.wait_for(lock, stopping, time, [] { return false; }) || stopping.stop_requested();
  };
  auto const name = std::string{process_name};
  auto well_at = Steady::now();
  // Until one has answered it loads: many certificates take their time. The first one has: start()
  // waits for that.
  auto const first = supervisor_.status(name);
  pid_t answered = first ? first->pid : 0;
  while (!pause(look_pause)) {
    auto const status = supervisor_.status(name);
    bool const runs = status && status->state == process::State::running;
    // One that ended is the supervisor's care, and one that just began needs a moment.
    if (!runs || (answers() && !is_stopped(status->pid))) {
      if (runs) answered = status->pid;
      well_at = Steady::now();
      continue;
    }
    bool const is_loading = status->pid != answered && !is_stopped(status->pid);
    if (Steady::now() - well_at < (is_loading ? longest_loading : longest_silence)) continue;
    logging::error("haproxy", "it does not answer any more; it is ended and starts again");
    supervisor_.signal(name, SIGKILL);
    well_at = Steady::now();
  }
}

void FrontDoor::reload(Settings settings) {
  auto const before = runtime_.worker();
  settings.directory = settings_.directory;
  write_checked(settings);
  settings_ = std::move(settings);
  if (!before || !supervisor_.signal(std::string{process_name}, SIGUSR2)) return start();
  auto const end = Steady::now() + settings_.longest_loading;
  while (true) {
    auto const now = runtime_.worker();
    if (now && now != before) return;
    if (Steady::now() > end)
      throw std::runtime_error{"HAProxy did not take over its new configuration; see " +
                               (settings_.directory / "haproxy.log").string()};
    std::this_thread::sleep_for(5ms);
  }
}

void FrontDoor::stop() {
  watcher_ = {};
  supervisor_.stop(std::string{process_name});
}

Runtime::Map FrontDoor::read_map_file() const {
  Runtime::Map entries;
  std::istringstream lines{files::read(places_.map).value_or("")};
  for (std::string host, value; lines >> host >> value;) {
    // The file is ours, but a line that somebody edited must not lead elsewhere.
    try {
      check_route_value(value);
      entries[checked_host(host)] = value;
    } catch (std::runtime_error const& error) {
      logging::warning("haproxy", "{}: {}", places_.map.string(), error.what());
    }
  }
  return entries;
}

void FrontDoor::write_map() const {
  std::string text;
  for (auto const& [host, value] : routes_) text += host + ' ' + value + '\n';
  // Every start writes it again from the rows.
  shared_.write(places_.map, text, files::Flush::no);
}

void FrontDoor::route(std::string const& host, std::string const& value) {
  auto const name = checked_host(host);
  check_route_value(value);
  std::lock_guard const lock{mutex_};
  routes_[name] = value;
  // The file first: should HAProxy die in between, it starts with the new route.
  write_map();
  runtime_.set(Places::map_name, name, value);
}

void FrontDoor::remove(std::string const& host) {
  auto const name = checked_host(host);
  std::lock_guard const lock{mutex_};
  routes_.erase(name);
  write_map();
  runtime_.remove(Places::map_name, name);
}

void FrontDoor::replace_all(Runtime::Map const& routes) {
  Runtime::Map checked;
  for (auto const& [host, value] : routes) {
    check_route_value(value);
    checked[checked_host(host)] = value;
  }
  std::lock_guard const lock{mutex_};
  routes_ = std::move(checked);
  write_map();
  runtime_.replace(Places::map_name, routes_);
}

Runtime::Map FrontDoor::routes() const {
  if (auto running = runtime_.read_map(Places::map_name)) return *running;
  std::lock_guard const lock{mutex_};
  return routes_;
}

}  // namespace haproxy
