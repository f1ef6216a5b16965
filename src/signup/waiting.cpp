// People who have not paid cannot shut the door: how many places they may hold, all together, from
// one address, one network and with one e-mail; and who is told when there is a place again.
#include "platform/http/network.hpp"
#include "platform/log/log.hpp"
#include "platform/retention/retention.hpp"
#include "signup/checkout.hpp"
#include "signup/mails.hpp"
#include "tenants/places.hpp"

namespace signup {

namespace {
using namespace std::chrono_literals;

constexpr std::int64_t most_per_address = 6, most_per_network = 8, most_per_email = 3;

struct Held {
  std::int64_t by_address, by_network, by_email;
  std::optional<Time> first_end;
};

// $4: the sign-up itself, when it is changed; where it came from then is not asked again.
db::Query const count_held{"signup.count_held", R"sql(
  SELECT count(*) FILTER (WHERE s.address = $1) AS by_address,
         count(*) FILTER (WHERE s.network = $2) AS by_network,
         count(*) FILTER (WHERE lower(c.email) = lower($3)) AS by_email,
         min(s.lease_until) AS first_end
    FROM signups s JOIN tenants t ON t.id = s.tenant_id JOIN customers c ON c.id = s.customer_id
   WHERE t.state IN ('reserved', 'awaiting_payment') AND s.id <> $4
     AND (s.address = $1 OR s.network = $2 OR lower(c.email) = lower($3))
)sql"};

db::Query const add_waiting{"signup.add_waiting", R"sql(
  INSERT INTO waitlist (email, locale)
  SELECT lower($1), $2 WHERE (SELECT count(*) FROM waitlist) < 20000
  ON CONFLICT (email) DO UPDATE SET locale = excluded.locale
)sql"};
db::Query const forget_visitors{"signup.forget_visitors", R"sql(
  UPDATE signups SET address = NULL, network = NULL
   WHERE address IS NOT NULL AND lease_until < now() - interval '1 day'
)sql"};
db::Query const take_waiting{"signup.take_waiting", R"sql(
  DELETE FROM waitlist WHERE email IN (
    SELECT email FROM waitlist ORDER BY created_at, email LIMIT $1 FOR UPDATE SKIP LOCKED)
  RETURNING email, locale
)sql"};

struct Waiting {
  std::string email;
  i18n::Locale locale;
  static constexpr auto rules() {
    return ::rules(rule(&Waiting::email, {.doc = "Where to write to",
                                          .example = "ada@example.com",
                                          .min_length = 3,
                                          .max_length = 254,
                                          .format = "email",
                                          .check = checks::email}),
                   rule(&Waiting::locale, {.doc = "Language of the mail"}));
  }
};
struct Accepted {
  bool accepted;
  static constexpr auto rules() {
    return ::rules(rule(&Accepted::accepted, {.doc = "Always true"}));
  }
};

retention::Rule const old_waiting{{.table = "waitlist",
                                   .column = "created_at",
                                   .keep = std::chrono::days{180},
                                   .least = std::chrono::days{7},
                                   .why = "whoever has waited for half a year has gone elsewhere"}};
}  // namespace

void Signups::require_room(db::Tx& tx, Form const& form, std::string_view address,
                           SignupId except) const {
  bool const is_new = except.value == 0;
  if (is_new) tenants::require_place(tx, settings_);
  auto const all = tenants::unpaid_places(settings_);
  auto const held = tx.one<Held>(
      count_held, address, is_new ? http::network_of(address) : std::string{}, form.email, except);
  // A part of all at most, so that nobody takes alone what is there for everybody.
  auto const of_address = std::min(most_per_address, std::max<std::int64_t>(2, all / 4));
  auto const of_network = std::min(most_per_network, std::max<std::int64_t>(3, all * 3 / 4));
  if (held.by_address >= of_address || held.by_network >= of_network ||
      held.by_email >= most_per_email) {
    auto const wait = held.first_end.value_or(clock_source::now()) - clock_source::now();
    throw Problem{too_many_unpaid,
                  "Pay one of them, or try again when the name of the first is given back."}
        .retry_after(int(std::max(1s, std::chrono::ceil<std::chrono::seconds>(wait)).count()));
  }
  if (is_new && tenants::count_unpaid(tx, settings_) >= all)
    throw Problem{tenants::capacity_exhausted};
}

void Signups::add_waitlist(http::Api& api) const {
  api.add(http::Endpoint<Waiting, Accepted>{
      .route = "POST /api/waitlist",
      .summary = "Be told by one mail when there is a place again",
      .tag = "Sign-up",
      .audit = "signup.waits",
      .limit = http::per_minute(5),
      .status = 202,
      .handle =
          [](http::Context& context, Waiting const& request) {
            context.tx.exec(add_waiting, request.email, request.locale);
            return Accepted{true};
          },
  });
}

void Signups::tell_waiting(jobs::Context& job) const {
  job.transact([&](db::Tx& tx) {
    job.finish(tx);
    tx.exec(forget_visitors);
    if (tenants::availability(tx, settings_) != tenants::Availability::open) return;
    // As many as could come at once; the others hear of it ten minutes later if these have not.
    auto const free = tenants::unpaid_places(settings_) - tenants::count_unpaid(tx, settings_);
    for (auto const& person : tx.all<Waiting>(take_waiting, std::min<std::int64_t>(free, 20)))
      mail::send(
          tx, place_again, person.locale, person.email,
          {{"url", settings_.public_url + "/#sign-up"}, {"support", settings_.support_email}});
  });
}

}  // namespace signup
