// A link is spent by a POST, never by looking at it; it opens one session, in the browser that
// spent it.
#include "portal/sessions.hpp"

#include "activity/activity.hpp"
#include "billing/caution.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/installation/installation.hpp"
#include "platform/retention/retention.hpp"
#include "portal/doors.hpp"
#include "portal/portal.hpp"

namespace portal {

namespace {
constexpr ProblemType link_not_found{Kind::not_found, "portal_link_not_found",
                                     "There is no such link"};
constexpr ProblemType link_over{Kind::gone, "portal_link_over",
                                "This link was used already or has expired"};

// Two askers of one customer wait for each other.
db::Query const lock_customer{"portal.lock_customer",
                              "SELECT id FROM customers WHERE id = $1 FOR UPDATE"};
// Only who reads the mails can use one, so strangers fill nobody's mailbox.
db::Query const unused_since{"portal.unused_link_since", R"sql(
  SELECT EXISTS (SELECT FROM portal_links
                  WHERE customer_id = $1 AND created_at > $2 AND used_at IS NULL)
)sql"};
db::Query const insert_link{"portal.insert_link", R"sql(
  INSERT INTO portal_links (token_hash, customer_id, created_at, expires_at)
  VALUES ($1, $2, $3, $4)
)sql"};
db::Query const find_owner{"portal.owner_of_link",
                           "SELECT customer_id FROM portal_links WHERE token_hash = $1"};
db::Query const spend_link{"portal.spend_link", R"sql(
  UPDATE portal_links SET used_at = $2
   WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2 RETURNING customer_id
)sql"};
db::Query const insert_session{"portal.insert_session", R"sql(
  INSERT INTO portal_sessions (token_hash, customer_id, began_at, expires_at)
  VALUES ($1, $2, $3, $4)
)sql"};
db::Query const find_session{"portal.find_session", R"sql(
  SELECT customer_id, expires_at FROM portal_sessions WHERE token_hash = $1 AND expires_at > $2
)sql"};
db::Query const end_session{"portal.end_session", R"sql(
  UPDATE portal_sessions SET expires_at = $2 WHERE token_hash = $1 AND expires_at > $2
)sql"};

struct OpenRequest {
  std::string token;
  static constexpr auto rules() {
    return ::rules(
        rule(&OpenRequest::token,
             {.doc = "The end of the link", .min_length = 1, .max_length = 100, .secret = true}));
  }
};

std::string hash_of(std::string_view token) { return crypto::hex(crypto::sha256(token)); }

void give_cookie(http::Context& context, std::string_view value, std::chrono::seconds life) {
  context.response.headers.push_back(
      {"Set-Cookie", std::string{cookie} + "=" + std::string{value} + "; Path=/; Max-Age=" +
                         std::to_string(life.count()) + "; HttpOnly; Secure; SameSite=Strict"});
}

http::Nothing open(http::Context& context, OpenRequest const& request) {
  auto& tx = context.tx;
  auto const now = clock_source::now();
  auto const hash = hash_of(request.token);
  auto const customer = tx.maybe<customers::CustomerId>(spend_link, hash, now);
  if (!customer) throw Problem{owner_of_link(tx, request.token) ? link_over : link_not_found};
  // This browser holds one at a time.
  tx.exec(end_session, hash_of(context.request.cookie(cookie)), now);
  auto const token = crypto::random_token(32);
  tx.exec(insert_session, hash_of(token), *customer, now, now + session_life);
  context.audit_by = customer->text();
  context.audit_target = customer->text();
  activity::record(tx, {.customer = *customer}, customer->text(), activity::PortalOpened{});
  give_cookie(context, token, session_life);
  return {};
}

http::Nothing close(http::Context& context, http::Nothing const&) {
  auto const session = session_of(context);
  context.audit_target = session.customer_id.text();
  context.tx.exec(end_session, hash_of(context.request.cookie(cookie)), clock_source::now());
  give_cookie(context, "", std::chrono::seconds{0});
  return {};
}

retention::Rule const old_links{{.table = "portal_links",
                                 .column = "expires_at",
                                 .keep = std::chrono::days{30},
                                 .least = std::chrono::days{1},
                                 .why = "an old link is told that it is over, and whose it was"}};
retention::Rule const old_sessions{{.table = "portal_sessions",
                                    .column = "expires_at",
                                    .keep = std::chrono::days{1},
                                    .why = "when they were begun stands in the activity"}};
}  // namespace

Session session_of(http::Context& context) {
  auto const token = context.request.cookie(cookie);
  auto const found =
      token.empty() ? std::nullopt
                    : context.tx.maybe<Session>(find_session, hash_of(token), clock_source::now());
  if (!found) throw Problem{session_over};
  context.audit_by = found->customer_id.text();
  return *found;
}

Session session_to_change(http::Context& context) {
  auto const session = session_of(context);
  if (installation::is_copy(context.tx)) throw Problem{billing::installation_is_copy};
  return session;
}

std::optional<std::string> make_link(db::Tx& tx, customers::CustomerId customer, By by) {
  tx.one<std::int64_t>(lock_customer, customer);
  auto const now = clock_source::now();
  if (by == By::customer && tx.one<bool>(unused_since, customer, now - link_life)) return {};
  auto token = crypto::random_token(32);
  tx.exec(insert_link, hash_of(token), customer, now, now + link_life);
  return token;
}

std::optional<customers::CustomerId> owner_of_link(db::Tx& tx, std::string_view token) {
  return tx.maybe<customers::CustomerId>(find_owner, hash_of(token));
}

void add_session_endpoints(http::Api& api) {
  api.add(http::Endpoint<OpenRequest, http::Nothing>{
      .route = "POST /api/portal/session",
      .summary = "Open the customer's page with a link, once",
      .tag = "Portal",
      .audit = "portal.opened",
      .limit = http::per_minute(20),
      .problems = {link_not_found, link_over},
      .handle = open,
  });
  api.add(http::Endpoint<http::Nothing, http::Nothing>{
      .route = "DELETE /api/portal/session",
      .summary = "Close the customer's page in this browser",
      .tag = "Portal",
      .audit = "portal.closed",
      .limit = http::per_minute(20),
      .problems = {session_over},
      .handle = close,
  });
}

}  // namespace portal
