#pragma once
// Started as root: who does what from then on. A small helper stays root; everything that talks to
// the world is an unprivileged user, to whom belongs what it writes.
#include "platform/config/config.hpp"
#include "platform/process/identity.hpp"

namespace app {

/// Who an installation's own processes are. None of them when not started by root: then all are the
/// user that started it.
struct Staff {
  /// embedded_user, or onboarding, or an id without a name.
  std::optional<process::Identity> program;
  /// Never the program's.
  std::optional<process::Identity> sandbox;
};
/// Throws std::runtime_error with what to do.
[[nodiscard]] Staff staff_of(config::Settings const& settings);

/// Throws config::Mistake for settings that name what the program's user cannot use, all at once.
void require_usable_by(process::Identity const& program, config::Settings const& settings);

/// Before there is any other thread: what the program writes in its data directory becomes its
/// user's, the root helper starts, and the program has no rights any more. Nothing when not started
/// by root. `database`: whom the private PostgreSQL runs as, when there is one.
void give_up_root(config::Settings& settings, Staff const& staff,
                  std::optional<process::Identity> const& database = {});

/// A copy in memory, by a path that this process can open whoever it becomes; the path itself where
/// it is not root, or there is none. Throws std::runtime_error when it cannot be read.
[[nodiscard]] std::string readable_afterwards(std::string const& path);

/// For a command that listens and needs no helper: it becomes nobody.
void stop_being_root();

/// The helper itself, on the socket that it was given as descriptor 3: until the program ends.
int help_as_root();

}  // namespace app
