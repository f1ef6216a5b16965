// Users of the machine, asked from the system's own user database.
#include "platform/process/identity.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <stdexcept>
#include <thread>

#include "platform/process/helper.hpp"

namespace process {

namespace {
std::optional<Identity> find(
    std::function<int(passwd*, char*, std::size_t, passwd**)> const& lookup) {
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> buffer(16384);
  while (lookup(&entry, buffer.data(), buffer.size(), &found) == ERANGE)
    buffer.resize(buffer.size() * 2);
  if (!found) return {};
  Identity identity{entry.pw_name, entry.pw_uid, entry.pw_gid, {}};
  int count = 64;
  identity.groups.resize(std::size_t(count));
  if (::getgrouplist(entry.pw_name, entry.pw_gid, identity.groups.data(), &count) < 0) {
    identity.groups.resize(std::size_t(count));
    ::getgrouplist(entry.pw_name, entry.pw_gid, identity.groups.data(), &count);
  }
  identity.groups.resize(std::size_t(count));
  return identity;
}
}  // namespace

std::optional<Identity> find_user(std::string const& name) {
  return find([&](passwd* entry, char* buffer, std::size_t size, passwd** found) {
    return ::getpwnam_r(name.c_str(), entry, buffer, size, found);
  });
}

std::optional<Identity> find_user(uid_t user) {
  return find([&](passwd* entry, char* buffer, std::size_t size, passwd** found) {
    return ::getpwuid_r(user, entry, buffer, size, found);
  });
}

std::optional<Identity> service_user(std::string const& wanted, std::string const& usual) {
  if (!may_change_user()) return {};
  auto user = find_user(wanted.empty() ? usual : wanted);
  if (!user && wanted.empty()) user = find_user("onboarding");
  if (!user)
    throw std::runtime_error{"there is no user " + (wanted.empty() ? usual : wanted) +
                             " to run services as: create one (useradd --system onboarding) or set "
                             "embedded_user"};
  if (user->user == 0)
    throw std::runtime_error{"services must not run as root: set embedded_user to another user"};
  return user;
}

namespace {
/// The credentials belong to one thread, so a thread of its own keeps them from leaking.
template <class Look>
void as(Identity const& who, Look const& look) {
  std::thread{[&] {
    if (::geteuid() == 0) {
      // The system call itself, because glibc's setgroups() would change every thread.
      ::syscall(SYS_setgroups, who.groups.size(), who.groups.data());
      ::setfsgid(who.group);
      ::setfsuid(who.user);
    }
    look();
  }}.join();
}
}  // namespace

std::optional<std::filesystem::path> closed_directory(std::filesystem::path const& path,
                                                      Identity const& who) {
  std::optional<std::filesystem::path> closed;
  as(who, [&] {
    std::filesystem::path prefix;
    for (auto const& part : std::filesystem::absolute(path).lexically_normal()) {
      prefix /= part;
      if (part.empty()) continue;
      int const handle = ::open((prefix / ".").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
      if (handle >= 0) {
        ::close(handle);
      } else if (errno == EACCES) {
        closed = prefix;
        return;
      }
    }
  });
  return closed;
}

bool may_use(std::filesystem::path const& path, int how, Identity const& who) {
  bool may = false;
  // The system call itself: glibc's answers by the mode alone where it thinks that it must.
  as(who, [&] { may = ::syscall(SYS_faccessat2, AT_FDCWD, path.c_str(), how, AT_EACCESS) == 0; });
  return may;
}

}  // namespace process
