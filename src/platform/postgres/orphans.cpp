// SIGQUIT ends a back-end at once and leaves the files as a crash would.
#include "platform/postgres/orphans.hpp"

#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>

#include "platform/files/foreign.hpp"

namespace postgres {

namespace fs = std::filesystem;

pid_t postmaster_of(fs::path const& data) {
  // The database's user may have put anything there, and root looks, too.
  auto const place = files::ForeignDirectory::open(data);
  auto const file = place ? place->read("postmaster.pid", 4096) : std::nullopt;
  pid_t pid = 0;
  if (!file || std::from_chars(file->data(), file->data() + file->size(), pid).ec != std::errc{})
    return 0;
  std::error_code error;
  auto const directory = fs::read_symlink("/proc/" + std::to_string(pid) + "/cwd", error);
  return !error && directory == fs::weakly_canonical(data, error) ? pid : 0;
}

void end_orphans(fs::path const& data, uid_t user) {
  if (postmaster_of(data)) return;
  std::error_code error;
  auto const home = fs::weakly_canonical(data, error);
  for (auto const& entry : fs::directory_iterator{"/proc", error}) {
    auto const name = entry.path().filename().string();
    pid_t pid = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ec != std::errc{}) continue;
    files::Descriptor const handle{int(::syscall(SYS_pidfd_open, pid, 0))};
    struct stat now {};
    std::error_code gone;
    if (handle && ::stat(entry.path().c_str(), &now) == 0 && now.st_uid == user &&
        fs::read_symlink(entry.path() / "cwd", gone) == home && !gone)
      ::syscall(SYS_pidfd_send_signal, handle.get(), SIGQUIT, nullptr, 0);
  }
}

}  // namespace postgres
