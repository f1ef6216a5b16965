// What runs by itself: the threat rules, the check of the audit trail, its anchors.
#include "security/incidents.hpp"
#include "security/security.hpp"
#include "security/threats.hpp"

namespace security {

namespace {
struct LookForThreats {
  static constexpr std::string_view kind = "security.look_for_threats";
};
struct CheckAudit {
  static constexpr std::string_view kind = "security.check_audit";
};
struct AnchorAudit {
  static constexpr std::string_view kind = "security.anchor_audit";
};
using std::chrono::hours;
using std::chrono::minutes;
}  // namespace

void add_workers(jobs::Engine& engine, config::Settings const& settings, vault::Vault& vault) {
  engine.add(jobs::Worker<LookForThreats>{
      .run = [](jobs::Context& context, auto const&) { look_for_threats(context.connection); }});
  engine.add(jobs::Worker<CheckAudit>{
      .timeout = minutes{10}, .run = [&](jobs::Context& context, auto const&) {
        auto const report =
            audit::check(context.connection, &vault, audit::anchor_file(settings.data_dir));
        context.transact([&](db::Tx& tx) {
          audit::keep(tx, report);
          raise_finding(tx, report);
        });
      }});
  engine.add(jobs::Worker<AnchorAudit>{.run = [&](jobs::Context& context, auto const&) {
    // A new installation has nothing to sign yet: not only a day later.
    if (!audit::add_anchor(context.connection, vault, audit::anchor_file(settings.data_dir)))
      throw jobs::Snooze{minutes{5}};
  }});
  engine.schedule<LookForThreats>(minutes{1});
  engine.schedule<CheckAudit>(hours{1});
  engine.schedule<AnchorAudit>(hours{24});
}

}  // namespace security
