// GET /api/mails and /api/mails/{id}: what was or will be sent, for those who may see everything
// (a mail can hold a one-time link).
#include "app/mails.hpp"

#include "identity/people/team.hpp"
#include "platform/i18n/i18n.hpp"
#include "platform/list/list.hpp"
#include "platform/list/words.hpp"

namespace app {

namespace {
using MailId = Id<"mail">;

constexpr ProblemType mail_not_found{Kind::not_found, "mail_not_found", "There is no such mail"};

enum class MailState { queued, sent, kept, failed };
constexpr auto names_of(MailState) {
  return std::array<std::string_view, 4>{"queued", "sent", "kept", "failed"};
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
        field("state", &Mail::state, {.doc = "queued, sent, kept (no SMTP configured) or failed"}),
        field("last_error", &Mail::last_error), field("created_at", &Mail::created_at),
        field("sent_at", &Mail::sent_at));
  }
};

struct WholeMail : Mail {
  std::string body;
  static constexpr auto fields() {
    return ::fields(inherited<Mail>(), field("body", &WholeMail::body));
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
  SELECT id, template, locale, recipient, subject, state, last_error, created_at, sent_at, body
    FROM mails WHERE id = $1
)sql"};
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
            auto mail = context.tx.maybe<WholeMail>(load_mail, request.id);
            if (!mail) throw Problem{mail_not_found};
            if (mail->template_name == "invitation")
              identity::people::require_may_read_invitation(context.tx, api, context.actor,
                                                            mail->recipient);
            return std::move(*mail);
          },
  });
}

}  // namespace app
