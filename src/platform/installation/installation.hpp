#pragma once
// Whose the things outside the tables are. Everything that we make (archives,
// containers, databases, roles) carries the id of its installation, which lies
// in the database and in the data directory, so that a copy of either does not
// take itself for the original.
#include <filesystem>
#include <functional>

#include "platform/vault/vault.hpp"

namespace installation {

struct Identity {
  std::string id;
  /// The database knows of everything that was made under this id since then.
  /// What is older and has no row may belong to rows that were lost with a
  /// younger state of the database.
  Time known_since;
  std::vector<std::string> taken_over;  // predecessors that somebody declared gone
  [[nodiscard]] bool owns(std::string_view owner) const;
};

/// What establish() found out.
enum class Beginning {
  continued,  // the same database as before
  fresh,      // a new one
  set_back,   // the same one, but an older state of it: numbers may have been
              // given away since
  copied,     // another one that was brought here; it has got an id of its own
};

/// Before the node that holds tenants touches anything. A database that was
/// brought to another data directory gets a new id; the old one is a
/// predecessor until somebody takes it over. `when_rows_may_lack` runs in the
/// transaction that finds the database set back or copied: what was given away
/// since its state is not in its rows.
[[nodiscard]] Beginning establish(db::Connection& connection, vault::Vault& vault,
                                  std::filesystem::path const& data_dir,
                                  std::function<void(db::Tx&)> const& when_rows_may_lack);
/// Now and then, and before something is made that has a row: a database that
/// is set back behind this moment is recognised at the next start.
void renew(db::Connection& connection, std::filesystem::path const& data_dir);

/// Made when there is none yet: by tools and tests that start nothing.
[[nodiscard]] Identity ensure(db::Connection& connection, vault::Vault& vault);
/// After establish().
[[nodiscard]] Identity present(db::Tx& tx);

/// What sets a data directory apart from all others, also from a copy of it;
/// none before establish().
[[nodiscard]] std::optional<std::string> place_of(std::filesystem::path const& data_dir);
/// The id of the installation that the directory belongs to, for what is done without a database.
[[nodiscard]] std::optional<std::string> id_in(std::filesystem::path const& data_dir);

struct Predecessor {
  std::string id;
  Time left_at;
};
/// Those that nobody has taken over.
[[nodiscard]] std::vector<Predecessor> predecessors(db::Tx& tx);
void take_over(db::Tx& tx, std::string_view id, std::string_view who);
/// The database came from an installation that may be running still: its
/// customers are that one's to write to and to charge.
[[nodiscard]] bool is_copy(db::Tx& tx);

/// A statement that has a database or role of PostgreSQL say whose it is, for
/// the same execute() as the one that makes a role. `kind` is DATABASE or ROLE.
[[nodiscard]] std::string label(Identity const& identity, std::string_view kind,
                                std::string_view name, std::string_view whose);
enum class Owner { nobody, ours, stranger };
/// Nobody: there is none of this name. A database without a label is its
/// owner's. `whose` empty: anybody's of ours.
[[nodiscard]] Owner owner_of(db::Tx& tx, Identity const& identity, std::string_view kind,
                             std::string_view name, std::string_view whose = {});

}  // namespace installation
