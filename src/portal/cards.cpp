// Another card: given on Stripe's own page, charged from then on. Whether it was given is looked up
// at Stripe, so it holds also when its giver never comes back to us.
#include <algorithm>

#include "activity/activity.hpp"
#include "billing/caution.hpp"
#include "billing/following.hpp"
#include "billing/method_orders.hpp"
#include "platform/retention/retention.hpp"
#include "portal/doors.hpp"
#include "portal/sessions.hpp"

namespace portal {

namespace {
constexpr ProblemType nothing_to_charge{Kind::conflict, "nothing_to_charge",
                                        "Nothing was ever paid through Stripe"};

/// Stripe wants half an hour at least.
constexpr std::chrono::hours page_lives{1};
constexpr std::chrono::minutes look_every{2};

db::Query const insert_page{"portal.insert_card_page", R"sql(
  INSERT INTO portal_card_pages (stripe_session_id, customer_id, created_at) VALUES ($1, $2, $3)
)sql"};
db::Query const open_pages{"portal.open_card_pages", R"sql(
  SELECT stripe_session_id FROM portal_card_pages WHERE customer_id = $1 AND closed_at IS NULL
   ORDER BY created_at
)sql"};
db::Query const close_page{"portal.close_card_page", R"sql(
  UPDATE portal_card_pages SET closed_at = $2 WHERE stripe_session_id = $1 AND closed_at IS NULL
)sql"};
// What was given on an earlier page must not come after it, however late its turn is.
db::Query const close_with_card{"portal.close_card_page_with_card", R"sql(
  UPDATE portal_card_pages SET closed_at = $2::timestamptz,
         given_at = CASE WHEN stripe_session_id = $1 THEN $2::timestamptz END
   WHERE closed_at IS NULL AND (customer_id, created_at) IN (
         SELECT o.customer_id, o.created_at FROM portal_card_pages AS o JOIN portal_card_pages AS n
             ON n.stripe_session_id = $1 AND o.customer_id = n.customer_id
            AND o.created_at <= n.created_at)
)sql"};
/// Makes the card of a page the one that is charged, once it was given there.
struct UseCard {
  static constexpr std::string_view kind = "portal.use_card";
  std::int64_t customer_id;
  std::string stripe_session_id;
  bool is_one_look = false;  // another one goes on looking
};
void look_until_it_is_over(db::Tx& tx, customers::CustomerId customer, std::string const& page) {
  jobs::enqueue(tx, UseCard{customer.value, page},
                {.dedupe_key = page, .run_at = clock_source::now() + look_every});
}
void look_once(db::Tx& tx, customers::CustomerId customer, std::string const& page) {
  jobs::enqueue(tx, UseCard{customer.value, page, true}, {.dedupe_key = "once " + page});
}

/// Whose card it is: in another tab another customer's page may have been opened since.
struct ForCustomer {
  customers::CustomerId customer_id;
  static constexpr auto rules() {
    return ::rules(rule(&ForCustomer::customer_id, {.doc = "Whose page it is that is looked at"}));
  }
};

struct Opened {
  std::string url;
  static constexpr auto rules() {
    return ::rules(rule(&Opened::url, {.doc = "Stripe's page where the card is given"}));
  }
};

bool is_open(db::Tx& tx, UseCard const& args) {
  auto const pages = tx.all<std::string>(open_pages, customers::CustomerId{args.customer_id});
  return std::find(pages.begin(), pages.end(), args.stripe_session_id) != pages.end();
}

/// Two pages that are open could both be used: only the last one asked for is.
void end_page(stripe::Client const& client, std::string const& page) {
  try {
    client.post("/v1/checkout/sessions/" + page + "/expire", {}, stripe::key_once("expire-" + page),
                stripe::Patience::visitor);
  } catch (stripe::Refused const&) {  // used, or over already: its job finds that out
  }
}

std::string make_page(http::Context& context, customers::Customer const& customer,
                      std::string& id) {
  stripe::Client const client{context.settings};
  stripe::Visit const visit;
  for (auto const& earlier : context.tx.all<std::string>(open_pages, customer.id))
    end_page(client, earlier);
  auto const home = context.settings.public_url + "/portal?card=";
  http_client::Form form;
  form.add("mode", "setup")
      .add("customer", *customer.stripe_customer_id)
      .add("payment_method_types[0]", "card")
      .add("locale", name_of(customer.locale))
      .add("expires_at", clock_source::unix_seconds(clock_source::now() + page_lives))
      .add("success_url", home + "given")
      .add("cancel_url", home + "kept");
  auto const session = client.post("/v1/checkout/sessions", form, stripe::key_once("portal-card"),
                                   stripe::Patience::visitor);
  id = stripe::text(session, "id");
  return stripe::text(session, "url");
}

Opened begin(http::Context& context, ForCustomer const& request) {
  auto const session = session_to_change(context);
  if (session.customer_id != request.customer_id) throw Problem{session_over};
  auto const customer = customers::get(context.tx, session.customer_id);
  if (!customer.stripe_customer_id) throw Problem{nothing_to_charge};
  context.audit_target = customer.id.text();
  try {
    std::string id;
    Opened out{make_page(context, customer, id)};
    db::transact(context.worker.connection, [&](db::Tx& tx) {
      tx.exec(insert_page, id, customer.id, clock_source::now());
      look_until_it_is_over(tx, customer.id, id);
    });
    return out;
  } catch (stripe::Refused const& refused) {
    throw Problem{billing::stripe_away, {}, refused.what()}.retry_after(10);
  } catch (stripe::Unavailable const& away) {
    throw Problem{billing::stripe_away, {}, away.what()}.retry_after(10);
  }
}

http::Nothing look_now(http::Context& context, http::Nothing const&) {
  auto const session = session_of(context);
  context.audit_target = session.customer_id.text();
  for (auto const& page : context.tx.all<std::string>(open_pages, session.customer_id))
    look_once(context.tx, session.customer_id, page);
  return {};
}

void use_card(jobs::Context& job, UseCard const& args, stripe::Client const& client) {
  customers::CustomerId const customer{args.customer_id};
  {
    db::Tx tx{job.connection, db::Mode::autocommit};
    if (!is_open(tx, args)) return;
  }
  http_client::Form query;
  query.add("expand[0]", "setup_intent.payment_method");
  auto const session = client.get("/v1/checkout/sessions/" + args.stripe_session_id, query);
  auto const status = stripe::text(session, "status");
  if (status == "open") {
    if (args.is_one_look) return;
    throw jobs::Snooze{look_every};
  }
  bool const is_given = stripe::text(session, "setup_intent.status") == "succeeded";
  auto const method = stripe::id_of(session, "setup_intent.payment_method");
  if (is_given) {
    job.transact([&](db::Tx& tx) { billing::overtake_method_orders(tx, customer, method); });
    billing::charge_from_now_on(job.connection, client, customer,
                                stripe::id_of(session, "customer"), method,
                                stripe::Patience::background);
  }
  job.transact([&](db::Tx& tx) {
    tx.exec(is_given ? close_with_card : close_page, args.stripe_session_id, clock_source::now());
    if (is_given) {
      auto const word = [&](std::string_view path) {
        auto text = stripe::text(session, path);
        return text.empty() ? std::optional<std::string>{} : std::optional{std::move(text)};
      };
      activity::record(
          tx, {.customer = customer}, customer.text(),
          activity::PaymentMethodChosen{stripe::text(session, "setup_intent.payment_method.type"),
                                        word("setup_intent.payment_method.card.brand"),
                                        word("setup_intent.payment_method.card.last4")});
    }
    job.finish(tx);
  });
}

retention::Rule const old_card_pages{{.table = "portal_card_pages",
                                      .column = "created_at",
                                      .keep = std::chrono::days{30},
                                      .least = std::chrono::days{1},
                                      .why = "pages of Stripe's live for an hour"}};
}  // namespace

void add_card_endpoints(http::Api& api) {
  api.add(http::Endpoint<ForCustomer, Opened>{
      .route = "POST /api/portal/card",
      .summary = "Open Stripe's page where another card is given",
      .tag = "Portal",
      .audit = "portal.card_page_opened",
      .limit = http::per_minute(6),
      .problems = {session_over, nothing_to_charge, billing::installation_is_copy,
                   billing::stripe_away},
      .lane = http::Lane::slow,
      .transaction = http::Transaction::own,
      .handle = begin,
  });
  api.add(http::Endpoint<http::Nothing, http::Nothing>{
      .route = "POST /api/portal/card/refresh",
      .summary = "Look at once whether another card was given",
      .tag = "Portal",
      .audit = "portal.card_looked_up",
      .limit = http::per_minute(10),
      .problems = {session_over},
      .handle = look_now,
  });
}

void add_card_worker(jobs::Engine& engine, config::Settings const& settings) {
  engine.add(jobs::Worker<UseCard>{
      .timeout = jobs::Seconds{120},
      .serialise =
          [](UseCard const& args) { return "portal.card:" + std::to_string(args.customer_id); },
      .run =
          [&settings](jobs::Context& job, UseCard const& args) {
            billing::with_stripe(job, [&] { use_card(job, args, stripe::Client{settings}); });
          }});
}

}  // namespace portal
