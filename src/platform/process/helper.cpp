// Questions and answers, one after the other. What takes longer than a moment is answered on a
// channel of its own, so that it holds up nobody.
#include "platform/process/helper.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <limits>

#include "platform/log/log.hpp"

namespace process {

namespace {
std::unique_ptr<Helper> own_helper;

constexpr std::size_t longest_text = 4096, most_words = 256, longest_word = 16 * 1024;

files::Descriptor copy_of(int number) {
  files::Descriptor copy{::fcntl(number, F_DUPFD_CLOEXEC, 0)};
  if (!copy)
    throw std::runtime_error{std::string{"a file cannot be handed over: "} + std::strerror(errno)};
  return copy;
}

void add(Message& message, std::vector<std::string> const& words) {
  message.add(std::int64_t(words.size()));
  for (auto const& word : words) message.add(word);
}

std::vector<std::string> words_in(Message& message) {
  std::vector<std::string> words(std::size_t(message.number(0, most_words)));
  for (auto& word : words) word = message.text(longest_word);
  return words;
}

Limits limits_in(Message& message) {
  auto const next = [&] {
    return std::uint64_t(message.number(0, std::numeric_limits<std::int64_t>::max()));
  };
  Limits limits;
  limits.memory_bytes = next();
  limits.processes = next();
  limits.cpu_percent = next();
  limits.open_files = next();
  limits.file_bytes = next();
  return limits;
}

std::optional<Identity> identity_in(Message& message) {
  constexpr auto most = std::int64_t(std::numeric_limits<uid_t>::max());
  if (message.number(0, 1) == 0) return {};
  Identity who;
  who.user = uid_t(message.number(0, most));
  who.group = gid_t(message.number(0, most));
  who.groups.resize(std::size_t(message.number(0, most_words)));
  for (auto& group : who.groups) group = gid_t(message.number(0, most));
  return who;
}
}  // namespace

Helper* helper() { return own_helper.get(); }
void use_helper(std::unique_ptr<Helper> one) { own_helper = std::move(one); }
bool may_change_user() { return own_helper || ::geteuid() == 0; }

std::optional<std::string> read_setting(std::filesystem::path const& path) {
  // EACCES also says that nobody but root gets there.
  if (!own_helper || ::access(path.c_str(), R_OK) == 0 || errno != EACCES) return files::read(path);
  Message question;
  question.add(std::filesystem::absolute(path).string());
  auto answer = own_helper->ask(Request::read_setting, std::move(question));
  if (answer.number(0, 1) == 0) return {};
  return answer.text(Message::most_bytes);
}

void add(Message& message, Launch const& launch) {
  message.add(launch.executable);
  add(message, launch.arguments);
  message.add(std::int64_t(launch.environment.size()));
  for (auto const& [name, value] : launch.environment) {
    message.add(name);
    message.add(value);
  }
  message.add(launch.directory);
  message.add(std::int64_t(launch.run_as.has_value()));
  if (auto const& who = launch.run_as) {
    message.add(std::int64_t(who->user));
    message.add(std::int64_t(who->group));
    message.add(std::int64_t(who->groups.size()));
    for (auto const group : who->groups) message.add(std::int64_t(group));
  }
  message.add(std::int64_t(launch.death_signal));
  auto const& limits = launch.limits;
  for (auto const limit : {limits.memory_bytes, limits.processes, limits.cpu_percent,
                           limits.open_files, limits.file_bytes})
    message.add(std::int64_t(limit));
  add(message, launch.writes_below);
  message.add(std::int64_t(launch.binds_low_ports));
  int const listener = launch.listener ? launch.listener->get() : -1;
  for (int const number : {launch.input, launch.output, listener}) {
    message.add(std::int64_t(number >= 0));
    if (number >= 0) message.add(copy_of(number));
  }
}

Understood launch_in(Message& message) {
  Understood understood;
  auto& launch = understood.launch;
  launch.executable = message.text(longest_text);
  launch.arguments = words_in(message);
  for (auto left = message.number(0, most_words); left > 0; --left) {
    auto name = message.text(longest_text);
    launch.environment[std::move(name)] = message.text(longest_word);
  }
  launch.directory = message.text(longest_text);
  launch.run_as = identity_in(message);
  launch.death_signal = int(message.number(1, 64));
  launch.limits = limits_in(message);
  launch.writes_below = words_in(message);
  launch.binds_low_ports = message.number(0, 1) == 1;
  auto const file = [&] {
    return message.number(0, 1) == 1 ? message.file() : files::Descriptor{};
  };
  understood.input = file();
  understood.output = file();
  if (auto listener = file())
    launch.listener = std::make_shared<files::Descriptor const>(std::move(listener));
  launch.input = understood.input.get();
  launch.output = understood.output.get();
  return understood;
}

Message Helper::ask(Request what, Message more) {
  // The answer comes on a channel of its own.
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    throw std::runtime_error{std::string{"the root helper cannot be asked: "} +
                             std::strerror(errno)};
  files::Descriptor const answers{ends[0]};
  {
    Message question;
    question.add(std::int64_t(what));
    question.add(files::Descriptor{ends[1]});
    question.append(std::move(more));
    if (!send(socket_.get(), question)) throw HelperGone{};
  }
  auto answer = receive(answers.get());
  if (!answer) throw HelperGone{};
  constexpr std::size_t longest_sentence = 16 * 1024;
  if (answer->number(0, 1) == 0) throw std::runtime_error{answer->text(longest_sentence)};
  return std::move(*answer);
}

Started Helper::launch(Launch const& launch, std::string const& group) {
  Message question;
  question.add(group);
  add(question, launch);
  auto answer = ask(Request::launch, std::move(question));
  Started started;
  started.child.pid = pid_t(answer.number(1, std::numeric_limits<pid_t>::max()));
  started.child.is_the_helpers = true;
  for (auto* const how :
       {&started.applied.memory, &started.applied.processes, &started.applied.cpu})
    *how = Enforcement(answer.number(0, 2));
  started.child.handle = answer.file();
  started.child.output = answer.file();
  return started;
}

Ended Helper::reap(Child const& child) {
  pollfd ended{child.handle.get(), POLLIN, 0};
  while (::poll(&ended, 1, -1) < 0 && errno == EINTR) {
  }
  Message question;
  question.add(std::int64_t(child.pid));
  Ended result{.ending = {.by_signal = true, .code = SIGKILL}};
  Message answer;
  try {
    answer = ask(Request::reap, std::move(question));
  } catch (HelperGone const&) {
    return result;
  }
  result.ending.by_signal = answer.number(0, 1) == 1;
  result.ending.code = int(answer.number(0, 255));
  result.memory_kills = std::uint64_t(answer.number(0, std::numeric_limits<std::int64_t>::max()));
  return result;
}

void Helper::signal(Child const& child, int number, bool whole_group) {
  Message question;
  question.add(std::int64_t(child.pid));
  question.add(std::int64_t(number));
  question.add(std::int64_t(whole_group));
  try {
    (void)ask(Request::signal, std::move(question));
  } catch (std::runtime_error const& error) {
    logging::warning("process", "{} is not signalled: {}", child.pid, error.what());
  }
}

}  // namespace process
