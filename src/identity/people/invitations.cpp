// Invitations: a mail with a link that works once, where the person sets a password and is in.
#include "identity/people/accounts.hpp"
#include "identity/people/team.hpp"
#include "identity/sessions/sessions.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/http/problems.hpp"
#include "platform/json/checks.hpp"
#include "platform/list/list.hpp"
#include "platform/list/words.hpp"
#include "platform/mail/mail.hpp"
#include "platform/retention/retention.hpp"

namespace identity::people {

namespace {
using InvitationId = Id<"inv">;
constexpr std::chrono::hours invitation_life{7 * 24};

// One answer for links that never were, were used, ran out or were taken back.
constexpr ProblemType invitation_not_found{Kind::not_found, "invitation_not_found",
                                           "This invitation is not valid or no longer valid"};
constexpr ProblemType invitation_pending{Kind::conflict, "invitation_pending",
                                         "There is already an invitation to this address"};

mail::Declared const invitation_mail{
    "invitation",
    {"{inviter} invites you to the console of {host}",
     "Hello {name},\n\n{inviter} invites you to the team that runs {host}, with the role "
     "{role}.\nSet your password here; the link works once and until {expires}:\n\n{link}\n\n"
     "If you do not know what this is about, ignore this mail: nothing happens.\n"},
    {"{inviter} te invita a la consola de {host}",
     "Hola, {name}:\n\n{inviter} te invita al equipo que lleva {host}, con el rol {role}.\n"
     "Elige tu contraseña aquí; el enlace sirve una sola vez y hasta el {expires}:\n\n{link}\n\n"
     "Si no sabes de qué se trata, ignora este correo: no pasará nada.\n"},
    true};

struct InvitationView {
  InvitationId id;
  std::string email, name, role;
  i18n::Locale locale;
  std::optional<std::string> invited_by_name;
  Time created_at, sent_at, expires_at;
  bool expired;
  static constexpr auto rules() {
    return ::rules(rule(&InvitationView::locale, {.doc = "Language of the mail and the console"}));
  }
};

/// The answer to who sends one.
struct SentInvitation : InvitationView {
  std::optional<Id<"mail">> kept_mail;
  static constexpr auto fields() {
    return ::fields(
        inherited<InvitationView>(),
        field("kept_mail", &SentInvitation::kept_mail,
              {.doc = "Where no mail server is set: the mail that is kept here instead, "
                      "whose link has to be handed over"}));
  }
};

std::string columns(std::string_view now) {
  return R"sql(page.id, page.email, page.name, page.role, page.locale,
         staff.name AS invited_by_name, page.created_at, page.sent_at, page.expires_at,
         page.expires_at <= )sql" +
         std::string{now} + " AS expired";
}
constexpr auto joins = "LEFT JOIN staff ON staff.id = page.invited_by";

list::Codes const codes{"invitations", {{"locale", "language"}}};

list::List invitation_list() {
  return {
      .name = "invitations",
      .route = "GET /api/settings/invitations",
      .summary = "List the invitations that were not accepted yet",
      .tag = "Settings",
      .scope = "team:read",
      .row = &types::type_of<InvitationView>,
      .columns = columns("{now}"),
      .source = "invitations",
      .key = "invitations.id",
      .always = "invitations.accepted_at IS NULL AND invitations.revoked_at IS NULL",
      .joins = joins,
      .sorts = {{"id", "invitations.id", "bigint"}},
      .order = "-id",
  };
}

db::Query const view_open{"identity.view_invitation",
                          "SELECT " + columns("$1") + " FROM invitations AS page " + joins +
                              " WHERE page.accepted_at IS NULL AND page.revoked_at IS NULL"
                              " AND page.id = $2"};
db::Query const insert_invitation{"identity.insert_invitation", R"sql(
  INSERT INTO invitations (email, name, role, locale, token_hash, invited_by, created_at, sent_at,
                           expires_at)
  VALUES (lower($1), $2, $3, $4, $5, $6, $7, $7, $8) RETURNING id
)sql"};
db::Query const drop_expired{"identity.drop_expired_invitation", R"sql(
  UPDATE invitations SET revoked_at = $2
   WHERE email = lower($1) AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at <= $2
)sql"};
db::Query const is_staff{"identity.is_staff",
                         "SELECT EXISTS (SELECT 1 FROM staff WHERE email = lower($1))"};
db::Query const renew_link{"identity.renew_invitation", R"sql(
  UPDATE invitations SET token_hash = $2, sent_at = $3, expires_at = $4, invited_by = $5
   WHERE id = $1 AND accepted_at IS NULL AND revoked_at IS NULL
)sql"};
db::Query const revoke_open{"identity.revoke_invitation", R"sql(
  UPDATE invitations SET revoked_at = $2
   WHERE id = $1 AND accepted_at IS NULL AND revoked_at IS NULL
)sql"};

struct RoleOfInvitation {
  std::string name;
  bool built_in;
  std::vector<std::string> scopes;
};
db::Query const role_of_open{"identity.role_of_invitation", R"sql(
  SELECT roles.name, built_in, scopes FROM invitations JOIN roles ON roles.name = role
   WHERE email = lower($1) AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > $2
)sql"};

/// What the link leads to.
struct Open {
  InvitationId id;
  std::string email, name, role;
  std::optional<StaffId> invited_by;
  i18n::Locale locale;
  Time expires_at;
};
constexpr auto by_token = R"sql(
  SELECT id, email, name, role, invited_by, locale, expires_at FROM invitations
   WHERE token_hash = $1 AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > $2
)sql";
db::Query const find_open{"identity.find_invitation", by_token};
db::Query const take_open{"identity.take_invitation", std::string{by_token} + " FOR UPDATE"};
db::Query const accept_open{"identity.accept_invitation", R"sql(
  UPDATE invitations SET accepted_at = $2, accepted_by = $3 WHERE id = $1
)sql"};
db::Query const set_locale{"identity.set_locale", "UPDATE staff SET locale = $2 WHERE id = $1"};

struct NewInvitation {
  std::string email, name, role;
  i18n::Locale locale;
  static constexpr auto rules() {
    return ::rules(
        rule(&NewInvitation::email, {.doc = "Where the link goes",
                                     .example = "ada@example.com",
                                     .min_length = 3,
                                     .max_length = 254,
                                     .format = "email",
                                     .check = checks::email}),
        rule(&NewInvitation::name, {.doc = "Name",
                                    .example = "Ada Smith",
                                    .min_length = 1,
                                    .max_length = 120,
                                    .check = checks::one_line}),
        rule(&NewInvitation::role, {.doc = "Name of a role; no more than one's own permissions",
                                    .example = "support",
                                    .max_length = 40}),
        rule(&NewInvitation::locale, {.doc = "Language of the mail", .example = "es"}));
  }
};

struct OneInvitation {
  InvitationId id;
  static constexpr auto rules() {
    return ::rules(rule(&OneInvitation::id, {.doc = "Id of the invitation", .example = "inv_1"}));
  }
};

struct Token {
  std::string token;
  static constexpr auto rules() {
    return ::rules(rule(&Token::token, {.doc = "The end of the link", .max_length = 200}));
  }
};

struct Invited {
  std::string email, name, role, role_title;
  std::optional<std::string> invited_by_name;
  Time expires_at;
};

struct Acceptance : Token {
  std::string password;
  std::optional<std::string> name;
  static constexpr auto fields() {
    return ::fields(inherited<Token>(),
                    field("password", &Acceptance::password,
                          {.doc = "At least 12 characters",
                           .min_length = shortest_password,
                           .max_length = 1024,
                           .format = "password",
                           .secret = true}),
                    field("name", &Acceptance::name,
                          {.doc = "Instead of the name in the invitation",
                           .min_length = 1,
                           .max_length = 120,
                           .check = checks::one_line}));
  }
};

db::Query const role_title{"identity.role_title", "SELECT title FROM roles WHERE name = $1"};

std::string hash_of(std::string_view token) { return crypto::hex(crypto::sha256(token)); }

InvitationView view(db::Tx& tx, InvitationId id) {
  auto found = tx.maybe<InvitationView>(view_open, clock_source::now(), id);
  if (!found) throw Problem{invitation_not_found};
  return std::move(*found);
}

std::optional<StaffId> inviter(http::Actor const& actor) {
  return actor.user_id ? std::optional{StaffId{actor.user_id}} : std::nullopt;
}

/// The day as the mail's reader writes it; the exact moment stands on the page.
std::string day_of(Time time, i18n::Locale locale) {
  auto const seconds = std::time_t(clock_source::unix_seconds(time));
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[16];
  std::strftime(text, sizeof text, locale == i18n::Locale::es ? "%d/%m/%Y" : "%Y-%m-%d", &parts);
  return text;
}

SentInvitation send_link(http::Context& context, InvitationView const& invitation,
                         std::string const& token) {
  auto const& url = context.settings.public_url;
  auto const host = url.substr(url.find("://") + 3);
  Id<"mail"> const mail{
      mail::send(context.tx, invitation_mail, invitation.locale, invitation.email,
                 {{"name", invitation.name},
                  {"inviter", invitation.invited_by_name.value_or(host)},
                  {"host", host},
                  {"role", context.tx.one<std::string>(role_title, invitation.role)},
                  {"expires", day_of(invitation.expires_at, invitation.locale)},
                  {"link", url + "/invitation/" + token}})};
  bool const is_kept = context.settings.smtp_url.empty();
  return {invitation, is_kept ? std::optional{mail} : std::nullopt};
}

constexpr FieldCode already_in_team{"already_in_team", "must not be of somebody in the team"};

SentInvitation invite(http::Context& context, NewInvitation const& request,
                      Directory const& directory) {
  auto& tx = context.tx;
  take_turn(tx, context.actor);
  require_within(context.actor, require_role(*directory.now(), request.role));
  if (tx.one<bool>(is_staff, request.email)) throw refusal(wrong<already_in_team>("/email"));
  auto const now = clock_source::now();
  tx.exec(drop_expired, request.email, now);
  auto const token = crypto::random_token(32);
  auto const id = [&] {
    try {
      return tx.one<InvitationId>(insert_invitation, request.email, request.name, request.role,
                                  request.locale, hash_of(token), inviter(context.actor), now,
                                  now + invitation_life);
    } catch (db::Failure const& failure) {
      if (failure.constraint == "invitations_open") throw Problem{invitation_pending};
      throw;
    }
  }();
  auto out = send_link(context, view(tx, id), token);
  context.response.headers.push_back({"Location", "/api/settings/invitations/" + id.text()});
  context.audit_target = id.text();
  context.audit_after.text = json::text(static_cast<InvitationView const&>(out));
  return out;
}

/// The link before stops working.
SentInvitation resend(http::Context& context, InvitationId id, Directory const& directory) {
  take_turn(context.tx, context.actor);
  auto const old = view(context.tx, id);
  require_within(context.actor, require_role(*directory.now(), old.role));
  auto const now = clock_source::now();
  auto const token = crypto::random_token(32);
  context.tx.exec(renew_link, id, hash_of(token), now, now + invitation_life,
                  inviter(context.actor));
  auto out = send_link(context, view(context.tx, id), token);
  context.audit_target = id.text();
  context.audit_before.text = json::text(old);
  context.audit_after.text = json::text(static_cast<InvitationView const&>(out));
  return out;
}

/// Throws unless whoever invited may still give that role: nobody leaves a door open behind them.
void require_standing(Open const& open, Snapshot const& snapshot) {
  if (!open.invited_by) return;  // by a key, which was judged when it was used
  auto const person = snapshot.people.find(open.invited_by->value);
  if (person == snapshot.people.end() || person->second.disabled)
    throw Problem{invitation_not_found};
  auto const& theirs = *snapshot.roles.at(person->second.role);
  auto const& given = require_role(snapshot, open.role);
  if (!std::includes(theirs.begin(), theirs.end(), given.begin(), given.end()))
    throw Problem{invitation_not_found};
}

Open open_by(db::Tx& tx, db::Query const& query, std::string const& token,
             Snapshot const& snapshot) {
  auto found = tx.maybe<Open>(query, hash_of(token), clock_source::now());
  if (!found) throw Problem{invitation_not_found};
  require_standing(*found, snapshot);
  return std::move(*found);
}

Invited show(http::Context& context, std::string const& token, Snapshot const& snapshot) {
  auto const open = open_by(context.tx, find_open, token, snapshot);
  Invited out{open.email, open.name,
              open.role,  context.tx.one<std::string>(role_title, open.role),
              {},         open.expires_at};
  if (open.invited_by) out.invited_by_name = snapshot.people.at(open.invited_by->value).name;
  return out;
}

sessions::SessionAnswer accept(http::Context& context, Acceptance const& request,
                               Directory& directory) {
  auto const snapshot = directory.now();
  auto& tx = context.tx;
  auto const open = open_by(tx, take_open, request.token, *snapshot);
  if (tx.one<bool>(is_staff, open.email)) throw Problem{invitation_not_found};
  require_unguessable(request.password, open.email, request.name.value_or(open.name), "/password");
  auto const id =
      create_staff(tx, {open.email, request.name.value_or(open.name), request.password, open.role});
  tx.exec(set_locale, id, open.locale);
  tx.exec(accept_open, open.id, clock_source::now(), id);
  auto answer = sessions::begin(context, *snapshot, id);
  context.audit_after.text =
      "{\"invitation\":\"" + open.id.text() + "\",\"role\":" + json::text(open.role) + "}";
  directory.changed(context);
  return answer;
}

retention::Rule const old_invitations{
    {.table = "invitations",
     .column = "expires_at",
     .keep = std::chrono::days{365},
     .least = std::chrono::days{30},
     .why = "who was invited by whom is in the audit trail, too"}};
}  // namespace

void require_may_read_invitation(db::Tx& tx, http::Api const& api, http::Actor const& actor,
                                 std::string const& email) {
  auto const role = tx.maybe<RoleOfInvitation>(role_of_open, email, clock_source::now());
  if (!role) return;  // the link is worth nothing any more
  require_within(actor, role->built_in
                            ? scopes_of(*enum_from<Role>(role->name), declared_scopes(api))
                            : http::Scopes{role->scopes.begin(), role->scopes.end()});
}

void add_invitation_endpoints(http::Api& api, Directory& directory) {
  list::add(api, invitation_list());
  api.add(http::Endpoint<NewInvitation, SentInvitation>{
      .route = "POST /api/settings/invitations",
      .summary = "Invite somebody by mail",
      .tag = "Settings",
      .scope = "team:write",
      .audit = "invitation.sent",
      .limit = http::per_minute(30),
      .problems = {invitation_pending, beyond_own_permissions},
      .status = 201,
      .idempotent = true,
      .step_up = true,
      .handle = [&directory](
                    http::Context& context,
                    NewInvitation const& request) { return invite(context, request, directory); },
  });
  api.add(http::Endpoint<OneInvitation, SentInvitation>{
      .route = "POST /api/settings/invitations/{id}/resend",
      .summary = "Send an invitation again, with a new link and seven more days",
      .tag = "Settings",
      .scope = "team:write",
      .audit = "invitation.resent",
      .limit = http::per_minute(30),
      .problems = {invitation_not_found, beyond_own_permissions},
      .handle =
          [&directory](http::Context& context, OneInvitation const& request) {
            return resend(context, request.id, directory);
          },
  });
  api.add(http::Endpoint<OneInvitation, http::Nothing>{
      .route = "DELETE /api/settings/invitations/{id}",
      .summary = "Take an invitation back",
      .tag = "Settings",
      .scope = "team:write",
      .audit = "invitation.revoked",
      .problems = {invitation_not_found},
      .handle =
          [](http::Context& context, OneInvitation const& request) {
            auto const old = view(context.tx, request.id);
            context.tx.exec(revoke_open, request.id, clock_source::now());
            context.audit_target = request.id.text();
            context.audit_before.text = json::text(old);
            return http::Nothing{};
          },
  });
  api.add(http::Endpoint<Token, Invited>{
      .route = "GET /api/invitations/{token}",
      .summary = "Tell who is invited by a link",
      .tag = "Identity",
      .limit = http::per_minute(30),
      .problems = {invitation_not_found},
      .handle =
          [&directory](http::Context& context, Token const& request) {
            return show(context, request.token, *directory.now());
          },
  });
  api.add(http::Endpoint<Acceptance, sessions::SessionAnswer>{
      .route = "POST /api/invitations/{token}/accept",
      .summary = "Accept an invitation: set a password and be signed in",
      .tag = "Identity",
      .audit = "invitation.accepted",
      .limit = http::per_minute(30),
      .problems = {invitation_not_found},
      .lane = http::Lane::password,
      .handle = [&directory](
                    http::Context& context,
                    Acceptance const& request) { return accept(context, request, directory); },
  });
}

}  // namespace identity::people
