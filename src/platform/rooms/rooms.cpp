// Each is done here, or asked of the root helper, which does it by the same lines.
#include "platform/rooms/rooms.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <limits>
#include <set>

#include "platform/process/helper.hpp"

namespace rooms {

namespace {
namespace fs = std::filesystem;
using process::Message;
using process::Request;
constexpr auto configuration = "app.json";

Message about(std::int64_t number) {
  Message message;
  message.add(number);
  return message;
}

Message about(std::int64_t number, Place place) {
  auto message = about(number);
  message.add(std::int64_t(place));
  return message;
}

/// The user that a process runs as. Whose its directory in /proc is says less: a process may hide.
uid_t user_of(fs::path const& process) {
  std::ifstream status{process / "status"};
  std::string word;
  uid_t user = 0;
  while (status >> word)
    if (word == "Uid:" && status >> user) return user;
  return 0;
}

/// Bytes of files below `directory` that have no name any more, but are held open: their space is
/// given back only when the last process closes them.
std::int64_t nameless_bytes(std::string const& directory, uid_t user) {
  std::int64_t total = 0;
  std::set<std::pair<dev_t, ino_t>> seen;
  std::error_code gone;
  for (auto const& process : fs::directory_iterator{"/proc", gone}) {
    struct stat now {};
    if (::stat(process.path().c_str(), &now) != 0 || (now.st_uid != user && now.st_uid != 0) ||
        user_of(process.path()) != user)
      continue;
    for (auto const& open : fs::directory_iterator{process.path() / "fd", gone}) {
      auto const name = fs::read_symlink(open.path(), gone).string();
      if (!name.starts_with(directory + '/') || ::stat(open.path().c_str(), &now) != 0 ||
          now.st_nlink != 0 || !seen.emplace(now.st_dev, now.st_ino).second)
        continue;
      total += std::int64_t(now.st_blocks) * 512;
    }
  }
  return total;
}
}  // namespace

fs::path Rooms::path(std::int64_t number, Place place) const {
  return directory_ / (std::to_string(number) + std::string{names_of(place)[std::size_t(place)]});
}

std::optional<files::Owner> Rooms::owner(std::int64_t number) const {
  if (!first_user_) return {};
  auto const user = *first_user_ + uid_t(number);
  return files::Owner{user, user};
}

void Rooms::make_directory() const {
  if (readers_)
    files::make_directory(directory_, 0751, files::Owner{::geteuid(), *readers_});
  else
    files::make_directory(directory_, 0711);
}

void Rooms::make(std::int64_t number, Place place) const {
  if (auto* const root = process::helper()) {
    (void)root->ask(Request::make_room, about(number, place));
    return;
  }
  make_directory();
  files::make_directory(path(number, place), 0700, owner(number));
}

void Rooms::give(std::int64_t number) const {
  auto const whose = owner(number);
  if (!whose) return;
  if (auto* const root = process::helper()) {
    (void)root->ask(Request::give_room, about(number));
    return;
  }
  struct stat now {};
  auto const directory = path(number);
  if (::lstat(directory.c_str(), &now) != 0 || !S_ISDIR(now.st_mode) ||
      (now.st_uid == whose->user && now.st_gid == whose->group))
    return;
  // The directory itself last: until then a crash has it done again.
  if (auto const place = files::ForeignDirectory::open(directory)) place->give_to(*whose);
}

void Rooms::write_configuration(std::int64_t number, std::string const& text) const {
  if (auto* const root = process::helper()) {
    auto question = about(number);
    question.add(text);
    (void)root->ask(Request::write_configuration, std::move(question));
    return;
  }
  auto const place = files::ForeignDirectory::open(path(number));
  if (!place) throw std::runtime_error{path(number).string() + " is not there"};
  place->write(configuration, text, 0400, owner(number));
}

std::optional<std::string> Rooms::read_configuration(std::int64_t number) const {
  if (auto* const root = process::helper()) {
    auto answer = root->ask(Request::read_configuration, about(number));
    if (answer.number(0, 1) == 0) return {};
    return answer.text(longest_configuration);
  }
  auto const place = files::ForeignDirectory::open(path(number));
  return place ? place->read(configuration, longest_configuration) : std::nullopt;
}

std::int64_t Rooms::disk_use(std::int64_t number, std::int64_t enough) const {
  if (auto* const root = process::helper()) {
    auto question = about(number);
    question.add(enough);
    return root->ask(Request::disk_use, std::move(question))
        .number(0, std::numeric_limits<std::int64_t>::max());
  }
  auto const place = files::ForeignDirectory::open(path(number));
  auto const whose = owner(number);
  return (place ? place->disk_use(enough) : 0) +
         nameless_bytes(path(number), whose ? whose->user : ::geteuid());
}

void Rooms::remove(std::int64_t number, Place place) const {
  if (auto* const root = process::helper()) {
    (void)root->ask(Request::remove_room, about(number, place));
    return;
  }
  files::remove_foreign(path(number, place));
}

void Rooms::exchange(std::int64_t number) const {
  if (auto* const root = process::helper()) {
    (void)root->ask(Request::exchange_rooms, about(number));
    return;
  }
  // The names are in a directory of ours, so what is exchanged is what was made there.
  auto const made = path(number, Place::restoring), present = path(number);
  if (::syscall(SYS_renameat2, AT_FDCWD, made.c_str(), AT_FDCWD, present.c_str(),
                RENAME_EXCHANGE) != 0)
    throw std::runtime_error{files::sentence("replace", present, errno)};
}

void Rooms::end_processes(std::int64_t number) const {
  auto const whose = owner(number);
  if (!whose) return;  // that would be us
  if (auto* const root = process::helper()) {
    (void)root->ask(Request::end_processes, about(number));
    return;
  }
  // A child with that user may signal nobody else's processes. Only system calls: we have threads.
  auto const child = ::fork();
  if (child == 0) {
    bool const became = ::syscall(SYS_setgroups, 0, nullptr) == 0 &&
                        ::syscall(SYS_setresgid, whose->group, whose->group, whose->group) == 0 &&
                        ::syscall(SYS_setresuid, whose->user, whose->user, whose->user) == 0;
    if (became) ::kill(-1, SIGKILL);
    ::_exit(became ? 0 : 1);
  }
  int status = 0;
  while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  // It may have been met by another one that did the same.
  bool const done = child > 0 && (WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
  if (!done)
    throw std::runtime_error{"the processes of user " + std::to_string(whose->user) +
                             " cannot be ended"};
}

}  // namespace rooms
