// Each question brings the channel of its answer. Whatever is wrong with one is refused with a
// sentence and logged.
#include "platform/root/server.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "platform/log/log.hpp"
#include "platform/postgres/orphans.hpp"

namespace root {

namespace {
using process::Garbled;
using process::Message;
using process::Request;

constexpr std::size_t most_children = 20'000, most_workers = 64;

Message done() {
  Message answer;
  answer.add(std::int64_t{1});
  return answer;
}

Message failed(std::string_view why) {
  Message answer;
  answer.add(std::int64_t{0});
  answer.add(why.substr(0, 8 * 1024));
  return answer;
}

bool takes_long(Request what) {
  return what == Request::give_room || what == Request::disk_use || what == Request::remove_room ||
         what == Request::end_processes || what == Request::read_configuration ||
         what == Request::write_configuration;
}

rooms::Place place_in(Message& question) { return rooms::Place(question.number(0, 2)); }
}  // namespace

Server::Server(int socket, Policy policy, FirstUser first_user_of)
    : socket_{socket},
      policy_{std::move(policy)},
      first_user_of_{std::move(first_user_of)},
      launcher_{policy_.program} {}

void Server::run() {
  std::vector<pollfd> waiting;
  while (true) {
    waiting.assign(1, {socket_, POLLIN, 0});
    for (auto const& [pid, handle] : workers_) waiting.push_back({handle.get(), POLLIN, 0});
    if (::poll(waiting.data(), waiting.size(), -1) < 0) continue;
    collect_workers();
    if (!waiting[0].revents) continue;
    try {
      auto question = process::receive(socket_);
      if (!question) return;
      serve(std::move(*question));
    } catch (std::exception const& error) {
      logging::warning("root", "refused: {}", error.what());
    }
  }
}

void Server::serve(Message question) {
  auto const what = Request(question.number(0, process::last_request));
  auto channel = question.file();
  try {
    if (takes_long(what)) return answer_later(what, std::move(question), std::move(channel));
    process::send(channel.get(), answer(what, question));
  } catch (std::exception const& error) {
    bool const is_ours =
        dynamic_cast<Refused const*>(&error) || dynamic_cast<Garbled const*>(&error);
    if (is_ours) logging::warning("root", "refused: {}", error.what());
    process::send(channel.get(),
                  failed(is_ours ? std::string{"the root helper refuses it: "} + error.what()
                                 : error.what()));
  }
}

Message Server::answer(Request what, Message& question) {
  switch (what) {
    case Request::launch:
      return launch(question);
    case Request::reap:
      return reap(question);
    case Request::signal:
      return signal(question);
    case Request::end_database:
      question.require_end();
      if (!policy_.database) throw Refused{"there is no database of ours"};
      postgres::end_orphans(policy_.data_dir / "postgres/data", policy_.database->user);
      return done();
    case Request::read_setting:
      return read_setting(question);
    case Request::settle_tenants:
      return settle_tenants(question);
    default:
      return work(what, question);
  }
}

Message Server::launch(Message& question) {
  auto const group = question.text(64);
  auto const [wanted, input, output] = process::launch_in(question);
  question.require_end();
  require_allowed(policy_, tenants_ ? &*tenants_ : nullptr, wanted, group);
  if (children_.size() >= most_children) throw Refused{"there are too many children"};
  auto started = launcher_.start(group, wanted);
  auto given = done();
  given.add(std::int64_t(started.child.pid));
  for (auto const how : {started.applied.memory, started.applied.processes, started.applied.cpu})
    given.add(std::int64_t(how));
  given.add(files::Descriptor{::fcntl(started.child.handle.get(), F_DUPFD_CLOEXEC, 0)});
  given.add(std::move(started.child.output));
  children_.insert_or_assign(started.child.pid, Kept{std::move(started.child), group});
  return given;
}

Message Server::reap(Message& question) {
  auto const kept = children_.find(pid_t(question.number(1, std::numeric_limits<pid_t>::max())));
  question.require_end();
  if (kept == children_.end()) throw Refused{"that is no child of mine"};
  pollfd ended{kept->second.child.handle.get(), POLLIN, 0};
  if (::poll(&ended, 1, 0) != 1) throw Refused{"that child has not ended"};
  auto const result = launcher_.end(kept->second.group, kept->second.child);
  children_.erase(kept);
  auto given = done();
  given.add(std::int64_t(result.ending.by_signal));
  given.add(std::int64_t(result.ending.code));
  given.add(std::int64_t(result.memory_kills));
  return given;
}

Message Server::signal(Message& question) {
  auto const kept = children_.find(pid_t(question.number(1, std::numeric_limits<pid_t>::max())));
  auto const number = int(question.number(1, 64));
  bool const whole_group = question.number(0, 1) == 1;
  question.require_end();
  if (kept == children_.end()) throw Refused{"that is no child of mine"};
  // Not yet reaped, so that its number is nobody else's.
  process::signal(kept->second.child, number,
                  whole_group ? process::To::group : process::To::child);
  return done();
}

Message Server::read_setting(Message& question) {
  auto const path = question.text(4096);
  question.require_end();
  auto const& known = policy_.readable;
  if (std::find(known.begin(), known.end(), path) == known.end())
    throw Refused{"no setting names that file"};
  auto const text = files::read(path);
  auto given = done();
  given.add(std::int64_t(text.has_value()));
  if (text) given.add(*text);
  return given;
}

Message Server::settle_tenants(Message& question) {
  auto const place = question.text(4096);
  question.require_end();
  if (place.empty() || place.find_first_of("\n ", 0) != std::string::npos)
    throw Refused{"that is no name of a place"};
  if (tenants_) throw Refused{"the tenants' user ids are settled"};
  auto const first = first_user_of_(place);
  tenants_.emplace(policy_.data_dir / "tenants", first, policy_.program_group);
  auto given = done();
  given.add(std::int64_t(first));
  return given;
}

rooms::Rooms const& Server::tenants() const {
  if (!tenants_) throw Refused{"the tenants' user ids are not settled"};
  return *tenants_;
}

Message Server::work(Request what, Message& question) {
  constexpr auto any = std::numeric_limits<std::int64_t>::max();
  auto const number = question.number(0, rooms::Rooms::most - 1);
  auto const& all = tenants();
  auto given = done();
  auto const place = what == Request::make_room || what == Request::remove_room
                         ? place_in(question)
                         : rooms::Place::present;
  auto const enough = what == Request::disk_use ? question.number(0, any) : 0;
  auto const text = what == Request::write_configuration
                        ? question.text(rooms::Rooms::longest_configuration)
                        : std::string{};
  question.require_end();
  switch (what) {
    case Request::make_room:
      all.make(number, place);
      break;
    case Request::give_room:
      all.give(number);
      break;
    case Request::write_configuration:
      all.write_configuration(number, text);
      break;
    case Request::read_configuration: {
      auto const content = all.read_configuration(number);
      given.add(std::int64_t(content.has_value()));
      if (content) given.add(*content);
      break;
    }
    case Request::disk_use:
      given.add(all.disk_use(number, enough));
      break;
    case Request::remove_room:
      all.remove(number, place);
      break;
    case Request::exchange_rooms:
      all.exchange(number);
      break;
    case Request::end_processes:
      all.end_processes(number);
      break;
    default:
      throw Refused{"that is nothing that is done"};
  }
  return given;
}

void Server::answer_later(Request what, Message question, files::Descriptor channel) {
  if (workers_.size() >= most_workers) throw std::runtime_error{"the root helper is busy"};
  auto const pid = ::fork();
  if (pid < 0) throw std::runtime_error{std::string{"cannot fork: "} + std::strerror(errno)};
  if (pid > 0) {
    workers_.emplace(pid, files::Descriptor{int(::syscall(SYS_pidfd_open, pid, 0))});
    return;
  }
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  try {
    process::send(channel.get(), work(what, question));
  } catch (std::exception const& error) {
    logging::warning("root", "{}", error.what());
    process::send(channel.get(), failed(error.what()));
  }
  ::_exit(0);
}

void Server::collect_workers() {
  std::erase_if(workers_, [](auto const& worker) {
    return ::waitpid(worker.first, nullptr, WNOHANG) == worker.first;
  });
}

}  // namespace root
