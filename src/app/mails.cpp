// GET /api/mails and /api/mails/{id}: what was or will be sent, for those who may see everything
// (a mail can hold a one-time link).
#include "app/mails.hpp"

#include "identity/people/team.hpp"
#include "platform/db/like.hpp"
#include "platform/i18n/i18n.hpp"

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
    return std::tuple_cat(Mail::fields(), ::fields(field("body", &WholeMail::body)));
  }
};

struct ListRequest {
  std::optional<std::int64_t> limit;
  std::optional<MailId> cursor;
  std::optional<MailState> state;
  std::optional<std::string> q;
  static constexpr auto fields() {
    return ::fields(
        field("limit", &ListRequest::limit,
              {.doc = "Rows per page, 50 unless told", .min = 1, .max = 100}),
        field("cursor", &ListRequest::cursor, {.doc = "next_cursor of the page before"}),
        field("state", &ListRequest::state),
        field("q", &ListRequest::q,
              {.doc = "Part of the recipient or the subject", .max_length = 100}));
  }
};

struct OneRequest {
  MailId id;
  static constexpr auto fields() {
    return ::fields(field("id", &OneRequest::id, {.doc = "Id of the mail"}));
  }
};

/// One statement per combination of filters, so that each finds its index.
std::string list_sql(std::string_view conditions) {
  return R"sql(
  SELECT id, template, locale, recipient, subject, state, last_error, created_at, sent_at
    FROM mails
   WHERE ($1::bigint IS NULL OR id < $1)
     AND ($2::text IS NULL OR true) AND ($3::text IS NULL OR true))sql" +
         std::string{conditions} + " ORDER BY id DESC LIMIT {limit}";
}
constexpr auto in_state = " AND state = $2::mail_state",
               matching = " AND lower(recipient || ' ' || subject) LIKE $3";
db::PagedQuery list_mails{"app.list_mails", list_sql("")};
db::PagedQuery list_mails_in_state{"app.list_mails_in_state", list_sql(in_state)};
db::PagedQuery find_mails{"app.find_mails", list_sql(matching)};
db::PagedQuery find_mails_in_state{"app.find_mails_in_state",
                                   list_sql(std::string{in_state} + matching)};

db::PagedQuery& list_for(ListRequest const& request) {
  if (request.q) return request.state ? find_mails_in_state : find_mails;
  return request.state ? list_mails_in_state : list_mails;
}

db::Query const load_mail{"app.load_mail", R"sql(
  SELECT id, template, locale, recipient, subject, state, last_error, created_at, sent_at, body
    FROM mails WHERE id = $1
)sql"};
}  // namespace

void add_mails(http::Api& api) {
  api.add(http::Endpoint<ListRequest, http::Page<Mail>>{
      .route = "GET /api/mails",
      .summary = "List mails, newest first",
      .tag = "Mails",
      .scope = "mails:read",
      .handle =
          [](http::Context& context, ListRequest const& request) {
            auto const limit = int(request.limit.value_or(50));
            http::Page<Mail> page;
            page.data =
                context.tx.all<Mail>(list_for(request).with_limit(limit + 1), request.cursor,
                                     request.state, db::like_pattern(request.q));
            page.has_more = int(page.data.size()) > limit;
            if (page.has_more) {
              page.data.pop_back();
              page.next_cursor = page.data.back().id.text();
            }
            return page;
          },
  });
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
