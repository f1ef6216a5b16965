// The outbox: what was or will be sent, for those who may see everything (a mail can hold a
// one-time link), and who is not written to.
#include "app/mails.hpp"

#include "identity/people/team.hpp"
#include "platform/i18n/i18n.hpp"
#include "platform/list/list.hpp"
#include "platform/list/words.hpp"
#include "platform/mail/letter.hpp"
#include "platform/mail/suppressions.hpp"

namespace app {

namespace {
using MailId = Id<"mail">;

constexpr ProblemType mail_not_found{Kind::not_found, "mail_not_found", "There is no such mail"};
constexpr ProblemType suppression_not_found{Kind::not_found, "suppression_not_found",
                                            "This address is written to again already"};
constexpr ProblemType unsubscribe_link_unknown{
    Kind::not_found, "unsubscribe_link_unknown",
    "This link belongs to no mail, or to one that was removed long ago"};

enum class MailState { queued, handed, sent, kept, failed, bounced, suppressed };
constexpr auto names_of(MailState) {
  return std::array<std::string_view, 7>{"queued", "handed",  "sent",      "kept",
                                         "failed", "bounced", "suppressed"};
}

struct Mail {
  MailId id;
  std::string template_name, locale, recipient, subject;
  MailState state;
  std::optional<std::string> last_error;
  Time created_at;
  std::optional<Time> sent_at;
  static constexpr auto fields() {
    return ::fields(
        field("id", &Mail::id), field("template", &Mail::template_name),
        field("locale", &Mail::locale), field("recipient", &Mail::recipient),
        field("subject", &Mail::subject),
        field(
            "state", &Mail::state,
            {.doc = "queued; handed: given to the mail server, which has not answered yet; sent: "
                    "the mail server took it; kept: no SMTP configured; failed; bounced: the mail "
                    "server refuses it; suppressed: nobody writes there"}),
        field("last_error", &Mail::last_error,
              {.doc = "Of a suppressed one why: bounced or declined"}),
        field("created_at", &Mail::created_at), field("sent_at", &Mail::sent_at));
  }
};

struct WholeMail : Mail {
  std::string body, html;
  std::optional<std::string> status_code, server_answer, message_id;
  std::int64_t put_off;
  Time useful_until;
  static constexpr auto fields() {
    return ::fields(
        inherited<Mail>(), field("body", &WholeMail::body, {.doc = "As text"}),
        field("html", &WholeMail::html, {.doc = "The same as HTML, a whole document"}),
        field("status_code", &WholeMail::status_code,
              {.doc = "What was in the way, as mail servers number it (RFC 3463)"}),
        field("server_answer", &WholeMail::server_answer,
              {.doc = "The mail server's last words about it"}),
        field("message_id", &WholeMail::message_id, {.doc = "Its Message-ID, once handed over"}),
        field("put_off", &WholeMail::put_off, {.doc = "How often it had to be tried again"}),
        field("useful_until", &WholeMail::useful_until, {.doc = "It is tried no longer"}));
  }
};

struct Stored : WholeMail {
  std::string look_name, look_colour;
  std::optional<std::string> decline_token;
  static constexpr auto fields() {
    return ::fields(inherited<WholeMail>(), field("look_name", &Stored::look_name),
                    field("look_colour", &Stored::look_colour),
                    field("decline_token", &Stored::decline_token));
  }
};

struct OneRequest {
  MailId id;
  static constexpr auto rules() {
    return ::rules(rule(&OneRequest::id, {.doc = "Id of the mail"}));
  }
};

list::Codes const codes{
    "mails", {{"state", "mail_state"}, {"template", "mail_template"}, {"locale", "language"}}};

list::List mail_list() {
  return {
      .name = "mails",
      .route = "GET /api/mails",
      .summary = "List mails",
      .tag = "Mails",
      .scope = "mails:read",
      .row = &types::type_of<Mail>,
      .columns =
          "page.id, page.template, page.locale, page.recipient, page.subject, page.state, "
          "page.last_error, page.created_at, page.sent_at",
      .source = "mails",
      .key = "mails.id",
      .sorts = {{"id", "mails.id", "bigint"}},
      .order = "-id",
      .filters = {list::any_of<MailState>("state", "mails.state = $")},
      .search = {{.text = "lower(mails.recipient || ' ' || mails.subject)", .is_indexed = true}},
      .search_doc = "Part of the recipient or the subject; one or two letters begin a word",
  };
}

db::Query const load_mail{"app.load_mail", R"sql(
  SELECT id, template, locale, recipient, subject, state, last_error, created_at, sent_at, body,
         '' AS html, status_code, server_answer, message_id, put_off, useful_until, look_name,
         look_colour, decline_token
    FROM mails WHERE id = $1
)sql"};

/// With both its parts as they go out.
WholeMail shown(Stored const& mail, config::Settings const& settings) {
  mail::Letter const letter{
      mail.body,
      enum_from<i18n::Locale>(mail.locale).value_or(i18n::Locale::en),
      {mail.look_name, mail.look_colour},
      mail.decline_token ? mail::decline_url(settings.public_url, *mail.decline_token) : ""};
  WholeMail out = mail;
  out.body = mail::text_of(letter);
  out.html = mail::html_of(letter);
  return out;
}

enum class Reason { bounced, declined };
constexpr auto names_of(Reason) { return std::array<std::string_view, 2>{"bounced", "declined"}; }

struct Suppressed {
  mail::SuppressionId id;
  std::string address, template_name;
  Reason reason;
  std::optional<std::string> status_code, detail;
  std::optional<MailId> mail_id;
  Time created_at;
  static constexpr auto fields() {
    using S = Suppressed;
    return ::fields(
        field("id", &S::id), field("address", &S::address),
        field("template", &S::template_name, {.doc = "The kind of mail; empty: all of them"}),
        field("reason", &S::reason,
              {.doc = "bounced: there is no such address; declined: its reader said so"}),
        field("status_code", &S::status_code, {.doc = "What the mail server said (RFC 3463)"}),
        field("detail", &S::detail, {.doc = "The mail server's words"}),
        field("mail_id", &S::mail_id, {.doc = "The mail by which it came about"}),
        field("created_at", &S::created_at));
  }
};
list::Codes const suppression_codes{
    "mail_suppressions", {{"reason", "suppression_reason"}, {"template", "mail_template"}}};

list::List suppression_list() {
  return {
      .name = "mail_suppressions",
      .route = "GET /api/mail-suppressions",
      .summary = "List who is not written to",
      .tag = "Mails",
      .scope = "mails:read",
      .row = &types::type_of<Suppressed>,
      .columns =
          "page.id, page.address, page.template, page.reason, page.status_code, "
          "page.detail, page.mail_id, page.created_at",
      .source = "mail_suppressions",
      .key = "mail_suppressions.id",
      .sorts = {{"id", "mail_suppressions.id", "bigint"}},
      .order = "-id",
      .filters = {list::any_of<Reason>("reason", "mail_suppressions.reason = $")},
      .search = {{.text = "lower(mail_suppressions.address)", .is_indexed = true}},
      .search_doc = "Part of the address; one or two letters begin a word",
  };
}

struct OneSuppression {
  mail::SuppressionId id;
  static constexpr auto rules() {
    return ::rules(rule(&OneSuppression::id, {.doc = "Id of the row"}));
  }
};

struct Lifted {
  std::string address, template_name, reason;
};

struct Link {
  std::string token;
  static constexpr auto rules() {
    return ::rules(rule(&Link::token, {.doc = "As it stands in the mail", .max_length = 100}));
  }
};
struct Wish {
  std::string token;
  bool declined;
  static constexpr auto rules() {
    return ::rules(rule(&Wish::token, {.doc = "As it stands in the mail", .max_length = 100}),
                   rule(&Wish::declined, {.doc = "False: they may come again"}));
  }
};
struct Declined {
  std::string template_name;
  bool declined;
  static constexpr auto fields() {
    return ::fields(field("template", &Declined::template_name, {.doc = "The kind of mail"}),
                    field("declined", &Declined::declined));
  }
};

Declined look_up(http::Context& context, std::string const& token) {
  auto const found = mail::declinable(context.tx, token);
  if (!found) throw Problem{unsubscribe_link_unknown};
  return {found->template_name, found->is_declined};
}

void note_wish(http::Context& context, std::string const& token, bool declined) {
  auto const before = look_up(context, token);
  if (declined)
    mail::decline(context.tx, token);
  else
    mail::take_back(context.tx, token);
  context.audit_action = declined ? "mail.declined" : "mail.decline_taken_back";
  context.audit_target = before.template_name;
}

/// What a mail program asks by itself (RFC 8058); whatever its body is.
void add_one_click(http::Api& api) {
  http::Declared door{"POST /unsubscribe/{token}"};
  door.summary = "Decline mails of one kind, as mail programs ask it (RFC 8058)";
  door.tag = "Mails";
  door.audit = "mail.declined";
  door.limit = http::per_minute(30);
  door.parameters.push_back({"token", "path", &types::type_of<std::string>});
  door.problems = {unsubscribe_link_unknown};
  door.content_type.clear();
  door.status = 204;
  door.raw = [](http::Context& context) {
    note_wish(context, std::string{context.request.path_parameter("token")}, true);
    return http::Response{.status = 204, .headers = {{"Cache-Control", "no-store"}}};
  };
  api.add(std::move(door));
}
}  // namespace

void add_mails(http::Api& api) {
  list::add(api, mail_list());
  api.add(http::Endpoint<OneRequest, WholeMail>{
      .route = "GET /api/mails/{id}",
      .summary = "Read a mail",
      .tag = "Mails",
      .scope = "mails:read",
      .problems = {mail_not_found, identity::beyond_own_permissions},
      .handle =
          [&api](http::Context& context, OneRequest const& request) {
            auto const mail = context.tx.maybe<Stored>(load_mail, request.id);
            if (!mail) throw Problem{mail_not_found};
            if (mail->template_name == "invitation")
              identity::people::require_may_read_invitation(context.tx, api, context.actor,
                                                            mail->recipient);
            return shown(*mail, context.settings);
          },
  });
}

void add_mail_suppressions(http::Api& api) {
  list::add(api, suppression_list());
  api.add(http::Endpoint<OneSuppression, http::Nothing>{
      .route = "DELETE /api/mail-suppressions/{id}",
      .summary = "Write to an address again",
      .tag = "Mails",
      .scope = "settings:write",
      .audit = "mail.suppression_lifted",
      .problems = {suppression_not_found},
      .handle =
          [](http::Context& context, OneSuppression const& request) {
            auto const lifted = mail::lift(context.tx, request.id);
            if (!lifted) throw Problem{suppression_not_found};
            context.audit_target = request.id.text();
            context.audit_before.text =
                json::text(Lifted{lifted->address, lifted->template_name, lifted->reason});
            return http::Nothing{};
          },
  });
  api.add(http::Endpoint<Link, Declined>{
      .route = "GET /api/unsubscribe/{token}",
      .summary = "Read what a link to decline mails is about",
      .tag = "Mails",
      .limit = http::per_minute(30),
      .problems = {unsubscribe_link_unknown},
      .handle = [](http::Context& context,
                   Link const& request) { return look_up(context, request.token); },
  });
  api.add(http::Endpoint<Wish, Declined>{
      .route = "POST /api/unsubscribe/{token}",
      .summary = "Decline mails of one kind, or take that back",
      .tag = "Mails",
      .audit = "mail.declined",
      .limit = http::per_minute(30),
      .problems = {unsubscribe_link_unknown},
      .handle =
          [](http::Context& context, Wish const& request) {
            note_wish(context, request.token, request.declined);
            return look_up(context, request.token);
          },
  });
  add_one_click(api);
}

}  // namespace app
