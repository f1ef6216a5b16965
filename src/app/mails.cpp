// GET /api/mails and /api/mails/{id}: what was or will be sent, for those who may see everything
// (a mail can hold a one-time link).
#include "app/mails.hpp"

#include "platform/i18n/i18n.hpp"

namespace app {

namespace {
using MailId = Id<"mail">;

constexpr ProblemType mail_not_found{Kind::not_found, "mail_not_found", "There is no such mail"};

struct Mail {
  MailId id;
  std::string template_name, locale, recipient, subject, state;
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
  static constexpr auto fields() {
    return ::fields(
        field("limit", &ListRequest::limit,
              {.doc = "Rows per page, 50 unless told", .min = 1, .max = 100}),
        field("cursor", &ListRequest::cursor, {.doc = "next_cursor of the page before"}));
  }
};

struct OneRequest {
  MailId id;
  static constexpr auto fields() {
    return ::fields(field("id", &OneRequest::id, {.doc = "Id of the mail"}));
  }
};

db::PagedQuery list_mails{"app.list_mails", R"sql(
  SELECT id, template, locale, recipient, subject, state, last_error, created_at, sent_at
    FROM mails WHERE $1::bigint IS NULL OR id < $1 ORDER BY id DESC LIMIT {limit}
)sql"};

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
            page.data = context.tx.all<Mail>(list_mails.with_limit(limit + 1), request.cursor);
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
      .problems = {mail_not_found},
      .handle =
          [](http::Context& context, OneRequest const& request) {
            auto mail = context.tx.maybe<WholeMail>(load_mail, request.id);
            if (!mail) throw Problem{mail_not_found};
            return std::move(*mail);
          },
  });
}

}  // namespace app
