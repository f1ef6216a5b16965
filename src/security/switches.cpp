// The state of the installation's safety at a glance, its working hours, and the switches of an
// incident: read-only mode, revoke everything, rotate all keys.
#include "audit/anchors.hpp"
#include "audit/changes.hpp"
#include "identity/api_keys/api_keys.hpp"
#include "identity/keys/rotation.hpp"
#include "identity/sessions/sessions.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/db/time_zones.hpp"
#include "platform/json/checks.hpp"
#include "security/incidents.hpp"
#include "security/security.hpp"

namespace security {

namespace {
constexpr std::string_view confirmation = "revoke everything";

constexpr ProblemType not_confirmed{Kind::invalid, "not_confirmed",
                                    "The word of confirmation is missing or wrong"};

constexpr Rules reason_rules{.doc = "Why; it is written into the audit trail",
                             .min_length = 3,
                             .max_length = 500,
                             .check = checks::one_line};

struct Hours {
  std::string time_zone;
  std::int64_t opens_hour, closes_hour;
  std::vector<std::int64_t> working_days;
  static constexpr auto rules() {
    return ::rules(
        rule(&Hours::time_zone, {.doc = "Of the organisation, as PostgreSQL and IANA name it",
                                 .example = "Europe/Madrid",
                                 .min_length = 1,
                                 .max_length = 64}),
        rule(&Hours::opens_hour,
             {.doc = "Deleting before this hour is remarkable", .min = 0, .max = 23}),
        rule(&Hours::closes_hour, {.doc = "… and from this hour on", .min = 1, .max = 24}),
        rule(&Hours::working_days, {.doc = "1 is Monday, 7 Sunday", .max_length = 7}));
  }
};

struct Overview {
  Switch read_only;
  Hours hours;
  std::int64_t open_events, open_severe_events, sessions, api_keys, blocked_addresses;
  std::string public_key;
  static constexpr auto fields() {
    using O = Overview;
    return ::fields(
        field("read_only", &O::read_only), field("hours", &O::hours),
        field("open_events", &O::open_events),
        field("open_severe_events", &O::open_severe_events, {.doc = "High and critical ones"}),
        field("sessions", &O::sessions, {.doc = "That have not ended"}),
        field("api_keys", &O::api_keys, {.doc = "That work"}),
        field("blocked_addresses", &O::blocked_addresses),
        field("public_key", &O::public_key,
              {.doc = "ed25519, base64url: anchors and evidence are checked with it"}));
  }
};

struct Counts {
  std::int64_t open_events, open_severe_events, sessions, api_keys, blocked_addresses;
  static constexpr auto fields() {
    using C = Counts;
    return ::fields(field("open_events", &C::open_events),
                    field("open_severe_events", &C::open_severe_events),
                    field("sessions", &C::sessions), field("api_keys", &C::api_keys),
                    field("blocked_addresses", &C::blocked_addresses));
  }
};
db::Query const count_all{"security.overview", R"sql(
  SELECT (SELECT count(*) FROM security_events WHERE closed_at IS NULL) AS open_events,
         (SELECT count(*) FROM security_events
           WHERE closed_at IS NULL AND severity >= 'high') AS open_severe_events,
         (SELECT count(*) FROM sessions
           WHERE revoked_at IS NULL AND expires_at > $1::timestamptz) AS sessions,
         (SELECT count(*) FROM api_keys
           WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $1::timestamptz)) AS api_keys,
         (SELECT count(*) FROM blocked_addresses WHERE expires_at > $1::timestamptz) AS blocked_addresses
)sql"};
db::Query const load_hours{
    "security.load_hours",
    "SELECT time_zone, opens_hour, closes_hour, working_days FROM security_settings"};
db::Query const save_hours{"security.save_hours", R"sql(
  UPDATE security_settings SET time_zone = $1, opens_hour = $2, closes_hour = $3, working_days = $4
)sql"};

constexpr FieldCode before_opening{"before_opening", "must be after opens_hour"};
constexpr FieldCode not_working_days{"not_working_days", "must hold days from 1 to 7"};

std::optional<StaffId> person_of(http::Actor const& actor) {
  if (actor.user_id == 0) return {};
  return StaffId{actor.user_id};
}

Overview overview(db::Tx& tx, vault::Vault& vault) {
  auto const counts = tx.one<Counts>(count_all, clock_source::now());
  return {read_only_switch(tx),     tx.one<Hours>(load_hours),
          counts.open_events,       counts.open_severe_events,
          counts.sessions,          counts.api_keys,
          counts.blocked_addresses, crypto::base64url(audit::public_key(tx, vault))};
}

Hours change_hours(http::Context& context, Hours const& wanted) {
  if (wanted.opens_hour >= wanted.closes_hour) throw refusal(wrong<before_opening>("/closes_hour"));
  for (auto const day : wanted.working_days)
    if (day < 1 || day > 7) throw refusal(wrong<not_working_days>("/working_days"));
  if (!db::is_time_zone(context.tx, wanted.time_zone))
    throw refusal(wrong<faults::not_a_time_zone>("/time_zone"));
  auto const before = context.tx.one<Hours>(load_hours);
  context.tx.exec(save_hours, wanted.time_zone, wanted.opens_hour, wanted.closes_hour,
                  wanted.working_days);
  context.audit_target = "security_settings";
  audit::note(context, before, wanted);
  return wanted;
}

struct ReadOnlyRequest {
  bool on;
  std::string reason;
  static constexpr auto rules() { return ::rules(rule(&ReadOnlyRequest::reason, reason_rules)); }
};

Switch turn_read_only(http::Context& context, ReadOnlyRequest const& request,
                      identity::Directory& directory) {
  auto const before = read_only_switch(context.tx);
  set_read_only(context.tx, request.on, request.reason, person_of(context.actor));
  directory.changed(context);
  auto const after = read_only_switch(context.tx);
  context.audit_target = "read_only";
  context.audit_reason = request.reason;
  audit::note(context, before, after);
  return after;
}

struct RevokeRequest {
  std::string confirm;
  bool api_keys;
  std::string reason;
  static constexpr auto rules() {
    return ::rules(
        rule(&RevokeRequest::confirm,
             {.doc = "The words: revoke everything", .example = confirmation, .max_length = 40}),
        rule(&RevokeRequest::api_keys, {.doc = "API keys as well as sessions"}),
        rule(&RevokeRequest::reason, reason_rules));
  }
};
struct Revoked {
  std::int64_t sessions, api_keys;
};

Revoked revoke_everything(http::Context& context, RevokeRequest const& request,
                          identity::Directory& directory) {
  if (request.confirm != confirmation) throw Problem{not_confirmed};
  Revoked out{identity::sessions::end_all(context.tx, "everything_revoked"), 0};
  if (request.api_keys)
    out.api_keys = identity::api_keys::revoke_all(context.tx, context.actor.label());
  directory.changed(context);
  context.audit_target = "installation";
  context.audit_reason = request.reason;
  context.audit_after.text = json::text(out);
  return out;
}

struct RotateRequest {
  std::string reason;
  static constexpr auto rules() { return ::rules(rule(&RotateRequest::reason, reason_rules)); }
};

struct Rotated {
  identity::keys::Report keys;
  bool master_key_replaced;
  static constexpr auto rules() {
    return ::rules(rule(&Rotated::master_key_replaced,
                        {.doc = "false: it does not lie in a file of ours; the command `keys "
                                "rotate master --to FILE` does it"}));
  }
};

/// The master key comes last, in transactions of its own: it seals the new data key, too.
Rotated rotate_keys(http::Context& context, RotateRequest const& request, vault::Vault& vault,
                    identity::Directory& directory) {
  auto& connection = context.worker.connection;
  db::transact(connection, [&](db::Tx& tx) {
    identity::keys::rotate_signing_key(tx, vault);
    identity::keys::rotate_data_key(tx, vault);
  });
  bool const master = vault.master_key().is_replaceable();
  if (master) vault.rotate_master_key(connection);
  directory.changed(context);
  Rotated out{identity::keys::report(context.tx, vault), master};
  context.audit_target = "installation";
  context.audit_reason = request.reason;
  context.audit_after.text = json::text(out);
  return out;
}
}  // namespace

void add_switch_endpoints(http::Api& api, identity::Directory& directory, vault::Vault& vault) {
  api.add(http::Endpoint<http::Nothing, Overview>{
      .route = "GET /api/settings/security",
      .summary = "Tell the state of switches, events, sessions and keys",
      .tag = "Security",
      .scope = "security:read",
      .handle = [&vault](http::Context& context,
                         http::Nothing const&) { return overview(context.tx, vault); },
  });
  api.add(http::Endpoint<Hours, Hours>{
      .route = "PUT /api/settings/security/hours",
      .summary = "Set the organisation's time zone and working hours",
      .tag = "Security",
      .scope = "security:write",
      .audit = "security_settings.changed",
      .step_up = true,
      .handle = change_hours,
  });
  api.add(http::Endpoint<ReadOnlyRequest, Switch>{
      .route = "PUT /api/settings/security/read-only",
      .summary = "Turn read-only mode on or off: writes are refused but for log-ins and webhooks",
      .tag = "Security",
      .scope = "security:write",
      .audit = "incident.read_only_changed",
      .step_up = true,
      .handle =
          [&directory](http::Context& context, ReadOnlyRequest const& request) {
            return turn_read_only(context, request, directory);
          },
  });
  api.add(http::Endpoint<RevokeRequest, Revoked>{
      .route = "POST /api/settings/security/revoke-everything",
      .summary = "End all sessions, one's own included, and on demand revoke all API keys",
      .tag = "Security",
      .scope = "security:write",
      .audit = "incident.everything_revoked",
      .problems = {not_confirmed},
      .step_up = true,
      .handle =
          [&directory](http::Context& context, RevokeRequest const& request) {
            return revoke_everything(context, request, directory);
          },
  });
  api.add(http::Endpoint<RotateRequest, Rotated>{
      .route = "POST /api/settings/security/rotate-keys",
      .summary = "Replace the keys that sign and seal, as the command `keys rotate` does",
      .tag = "Security",
      .scope = "security:write",
      .audit = "incident.keys_rotated",
      .transaction = http::Transaction::own,
      .step_up = true,
      .handle =
          [&directory, &vault](http::Context& context, RotateRequest const& request) {
            return rotate_keys(context, request, vault, directory);
          },
  });
}

}  // namespace security
