// The doors to one's own name and language.
#include "identity/people/team.hpp"
#include "platform/http/preconditions.hpp"
#include "platform/i18n/i18n.hpp"
#include "platform/json/checks.hpp"

namespace identity::people {

namespace {
struct Profile {
  StaffId id;
  std::string email, name, role;
  std::optional<std::string> locale;
  Time password_changed_at;
  std::int64_t version;
  static constexpr auto rules() {
    return ::rules(rule(&Profile::locale, {.doc = "Language of mails: en or es"}));
  }
};

struct ProfileChange {
  std::optional<std::string> name;
  std::optional<i18n::Locale> locale;
  static constexpr auto rules() {
    return ::rules(
        rule(&ProfileChange::name,
             {.doc = "Full name", .min_length = 1, .max_length = 120, .check = checks::one_line}),
        rule(&ProfileChange::locale, {.doc = "Language of pages and mails"}));
  }
};

db::Query const load_profile{"identity.load_profile", R"sql(
  SELECT id, email, name, role, locale, password_changed_at, version FROM staff WHERE id = $1
     FOR UPDATE
)sql"};
db::Query const read_profile{"identity.read_profile", R"sql(
  SELECT id, email, name, role, locale, password_changed_at, version FROM staff WHERE id = $1
)sql"};
db::Query const change_profile{"identity.change_profile", R"sql(
  UPDATE staff SET name = coalesce($2, name), locale = coalesce($3, locale), version = version + 1
   WHERE id = $1
  RETURNING id, email, name, role, locale, password_changed_at, version
)sql"};
}  // namespace

void add_profile_endpoints(http::Api& api, Directory& directory) {
  api.add(http::Endpoint<http::Nothing, Profile>{
      .route = "GET /api/settings/profile",
      .summary = "Show one's own profile",
      .tag = "Settings",
      .scope = http::own_scope,
      .handle =
          [](http::Context& context, http::Nothing const&) {
            auto out = context.tx.one<Profile>(read_profile, context.actor.user_id);
            http::add_version(context.response, out.version);
            return out;
          },
  });
  api.add(http::Endpoint<ProfileChange, Profile>{
      .route = "PATCH /api/settings/profile",
      .summary = "Change one's own name or language",
      .tag = "Settings",
      .scope = http::own_scope,
      .audit = "staff.profile_changed",
      .problems = {http::version_required, http::version_outdated},
      .handle =
          [&](http::Context& context, ProfileChange const& request) {
            auto const self = context.actor.user_id;
            auto const before = context.tx.one<Profile>(load_profile, self);
            http::require_version(context.request, before.version, {json::text(before)});
            auto out = context.tx.one<Profile>(change_profile, self, request.name, request.locale);
            http::add_version(context.response, out.version);
            directory.changed(context);
            context.audit_target = out.id.text();
            context.audit_before.text = json::text(before);
            context.audit_after.text = json::text(out);
            return out;
          },
  });
}

}  // namespace identity::people
