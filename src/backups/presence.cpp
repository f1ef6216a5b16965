// Whether a target is the place that our backups were written to. A disk that is not mounted leaves
// an empty directory that looks like the loss of all of them.
#include "backups/backups.hpp"
#include "platform/db/migrations.hpp"
#include "platform/readiness/readiness.hpp"

namespace backups {

namespace {
db::Query const expected{"backups.expected", R"sql(
  SELECT location FROM tenant_backups
   WHERE target = $1 AND state IN ('stored', 'verified', 'damaged')
)sql"};

db::Query const own_id{"backups.own_id", "SELECT id FROM installation"};

/// None before the first start.
std::optional<std::string> own_mark(db::Connection& connection) {
  db::Tx tx{connection, db::Mode::autocommit};
  auto const id = tx.maybe<std::string>(own_id);
  if (!id) return {};
  return mark_of(*id);
}

std::string words_of(Target const& target) {
  return target.place() + " does not hold what was stored there, not even our mark";
}
constexpr auto advice =
    "Mount the disk or set the right place; nothing is judged, removed or stored until then. When "
    "they are lost for good, choose Adopt at \"Place of the backups\" in Tenants, Findings";
}  // namespace

std::string mark_of(std::string_view installation) { return std::string{installation} + "/mark"; }

bool Backups::is_there(db::Connection& connection, Target& target) {
  auto const mark = own_mark(connection);
  if (!mark || target.has(*mark)) return true;
  auto const locations = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    auto const rows = tx.all<std::string>(expected, target.name());
    return std::set<std::string>(rows.begin(), rows.end());
  }();
  if (locations.empty()) return true;
  auto const files = target.list();
  return std::any_of(files.begin(), files.end(),
                     [&](Stored const& file) { return locations.contains(file.location); });
}

void Backups::require_there(db::Connection& connection, Target& target) {
  if (!is_there(connection, target))
    throw provisioning::NeedsPerson{target_away, words_of(target) + ". " + advice + " (setting " +
                                                     std::string{target.setting()} + ")"};
}

void Backups::settle_in(db::Connection& connection, std::string const& name) {
  auto const mark = own_mark(connection);
  for (auto const& target : targets_)
    if (mark && target->name() == name && !target->has(*mark))
      target->write(*mark,
                    "Backups of an onboarding installation lie here. Leave this file: without "
                    "it the place is taken for one that is not mounted.\n");
}

void Backups::try_targets() {
  if (!settings_.database_url.empty()) {
    db::Connection connection{settings_.database_url, "onboarding readiness"};
    // Where there are no tables yet nothing is expected anywhere.
    bool const is_new = db::schema_version(connection) == 0;
    for (auto const& target : targets_)
      if (!is_new && !is_there(connection, *target))
        throw readiness::Failed{{.code = "backup_place_away",
                                 .parameters = {{"place", target->place()}},
                                 .detail = words_of(*target),
                                 .setting = std::string{target->setting()},
                                 .advice = advice}};
  }
  targets_.back()->probe();
}

}  // namespace backups
