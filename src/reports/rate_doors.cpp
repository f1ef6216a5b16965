// Exchange rates as staff keep them: a list, one at a time, or a table pasted whole.
#include "organisation/organisation.hpp"
#include "platform/json/checks.hpp"
#include "platform/list/list.hpp"
#include "platform/retention/retention.hpp"
#include "platform/series/range.hpp"
#include "reports/rate_table.hpp"
#include "reports/rates.hpp"
#include "reports/reports.hpp"

namespace reports {

namespace {
using organisation::Organisation;
using RateId = Id<"rate">;

constexpr FieldCode not_another_currency{"not_another_currency",
                                         "must not be the currency of the reports"};
constexpr ProblemType rate_not_found{Kind::not_found, "rate_not_found",
                                     "There is no rate of this currency and month"};

struct ExchangeRate {
  RateId id;
  std::string month, currency, to_currency, rate, source;
  Time changed_at;
  std::string changed_by;
  static constexpr auto rules() {
    using E = ExchangeRate;
    return ::rules(
        rule(&E::month, {.doc = "At whose end it held", .example = "2026-11"}),
        rule(&E::currency, {.example = "usd"}),
        rule(&E::to_currency, {.doc = "That of the reports when it was told", .example = "eur"}),
        rule(&E::rate, {.doc = "So much of it for one of the currency; an exact decimal",
                        .example = "0.9234"}),
        rule(&E::source, {.doc = "Where it is from", .example = "European Central Bank"}));
  }
};
constexpr std::string_view rate_columns =
    "id, to_char(month, 'YYYY-MM') AS month, currency, to_currency, trim_scale(rate)::text AS "
    "rate, source, told_at AS changed_at, told_by AS changed_by";

struct OneRate {
  std::string currency, month;
  static constexpr auto rules() {
    return ::rules(rule(&OneRate::currency, {.doc = "ISO 4217, lower case",
                                             .example = "usd",
                                             .min_length = 3,
                                             .max_length = 3,
                                             .check = money::currency}),
                   rule(&OneRate::month, {.example = "2026-11", .check = rate_month}));
  }
};
struct WantedRate {
  std::string currency, month, rate, source;
  static constexpr auto rules() {
    using W = WantedRate;
    return ::rules(
        rule(&W::currency, {.doc = "ISO 4217, lower case",
                            .example = "usd",
                            .min_length = 3,
                            .max_length = 3,
                            .check = money::currency}),
        rule(&W::month, {.example = "2026-11", .check = rate_month}),
        rule(&W::rate, {.doc = "So much of the reports' currency for one of this; an exact decimal",
                        .example = "0.9234",
                        .max_length = 20,
                        .check = rate_decimal}),
        rule(&W::source, {.doc = "Where it is from",
                          .example = "European Central Bank",
                          .min_length = 1,
                          .max_length = 120,
                          .check = checks::one_line}));
  }
};

db::Query const load_rate{"reports.load_rate", "SELECT " + std::string{rate_columns} +
                                                   R"sql( FROM exchange_rates
   WHERE to_currency = $1::char(3) AND currency = $2::char(3) AND month = ($3 || '-01')::date
     AND ended_at IS NULL
)sql"};
// Of two who tell the same rate at once the later one is right, also where there was none.
db::Query const take_turn{"reports.take_turn_to_tell_rates",
                          "LOCK TABLE exchange_rates IN SHARE ROW EXCLUSIVE MODE"};
// A clock that was set back ends nothing before it was told.
db::Query const end_rate{"reports.end_rate", R"sql(
  UPDATE exchange_rates SET ended_at = greatest(told_at, $4)
   WHERE to_currency = $1::char(3) AND currency = $2::char(3) AND month = ($3 || '-01')::date
     AND ended_at IS NULL
     AND ($5::text IS NULL OR (rate, source) <> ($5::text::numeric(18, 10), $6::text))
)sql"};
db::Query const add_rate{"reports.add_rate", R"sql(
  INSERT INTO exchange_rates (to_currency, currency, month, rate, source, told_at, told_by)
  VALUES ($1, $2, ($3 || '-01')::date, $4::numeric, $5, $6, $7)
  ON CONFLICT (to_currency, currency, month) WHERE ended_at IS NULL DO NOTHING
)sql"};

retention::Kept const kept_rates{"exchange_rates",
                                 "some a currency and month; reports need them as they were told"};

/// Whether it was not so before.
bool write(http::Context& context, std::string const& to, WantedRate const& wanted) {
  auto const now = clock_source::now();
  context.tx.exec(end_rate, to, wanted.currency, wanted.month, now, std::optional{wanted.rate},
                  std::optional{wanted.source});
  return context.tx.exec(add_rate, to, wanted.currency, wanted.month, wanted.rate, wanted.source,
                         now, context.actor.label()) > 0;
}

ExchangeRate put(http::Context& context, WantedRate const& wanted, std::string const& to) {
  if (wanted.currency == to) throw refusal(wrong<not_another_currency>("/currency"));
  context.tx.exec(take_turn);
  auto const before = context.tx.maybe<ExchangeRate>(load_rate, to, wanted.currency, wanted.month);
  write(context, to, wanted);
  auto out = context.tx.one<ExchangeRate>(load_rate, to, wanted.currency, wanted.month);
  context.audit_target = out.id.text();
  if (before) context.audit_before.text = json::text(*before);
  context.audit_after.text = json::text(out);
  return out;
}

http::Nothing remove(http::Context& context, OneRate const& asked, std::string const& to) {
  context.tx.exec(take_turn);
  auto const before = context.tx.maybe<ExchangeRate>(load_rate, to, asked.currency, asked.month);
  if (!before) throw Problem{rate_not_found};
  std::optional<std::string> const whatever_it_is;
  context.tx.exec(end_rate, to, asked.currency, asked.month, clock_source::now(), whatever_it_is,
                  whatever_it_is);
  context.audit_target = before->id.text();
  context.audit_before.text = json::text(*before);
  return {};
}

struct RateTable {
  std::string csv, source;
  static constexpr auto rules() {
    return ::rules(
        rule(&RateTable::csv,
             {.doc = "Lines of month, currency and rate, or with a source as well, separated by "
                     "commas, semicolons or tabs; a first line of names may stand above. Where "
                     "semicolons or tabs separate, a rate may have a comma",
              .example = "month,currency,rate\n2026-11,usd,0.9234",
              .min_length = 1,
              .max_length = 200'000,
              .format = "multiline"}),
        rule(&RateTable::source, {.doc = "Of lines that name none",
                                  .example = "European Central Bank",
                                  .min_length = 1,
                                  .max_length = 120,
                                  .check = checks::one_line}));
  }
};
struct Imported {
  std::int64_t changed = 0, unchanged = 0;
};

/// All of it or, where a line is wrong, nothing.
Imported import(http::Context& context, RateTable const& table, std::string const& to) {
  auto const lines = rates_of(table.csv, to);
  context.tx.exec(take_turn);
  Imported out;
  for (auto const& line : lines) {
    bool const is_news = write(
        context, to,
        {line.currency, line.month, line.rate, line.source.empty() ? table.source : line.source});
    ++(is_news ? out.changed : out.unchanged);
  }
  context.audit_after.text = json::text(out);
  return out;
}

list::List rate_list() {
  return {
      .name = "exchange_rates",
      .route = "GET /api/settings/exchange-rates",
      .summary = "List the exchange rates that reports in one currency use",
      .tag = "Reports",
      .scope = "reports:read",
      .row = &types::type_of<ExchangeRate>,
      .columns = R"sql(page.id, to_char(page.month, 'YYYY-MM') AS month, page.currency,
          page.to_currency, trim_scale(page.rate)::text AS rate, page.source,
          page.told_at AS changed_at, page.told_by AS changed_by)sql",
      .source = "exchange_rates AS r",
      .key = "r.id",
      .always = "r.ended_at IS NULL",
      .sorts = {{"month", "r.month", "date"}},
      .order = "-month",
      .filters = {list::is<std::string>("currency", "r.currency = $::char(3)",
                                        {.doc = "Of this currency",
                                         .example = "usd",
                                         .min_length = 3,
                                         .max_length = 3,
                                         .check = money::currency}),
                  list::is<std::string>("to_currency", "r.to_currency = $::char(3)",
                                        {.doc = "To this currency",
                                         .example = "eur",
                                         .min_length = 3,
                                         .max_length = 3,
                                         .check = money::currency}),
                  list::is<std::string>("from", "r.month >= ($ || '-01')::date",
                                        {.doc = "First month", .check = rate_month}),
                  list::is<std::string>("to", "r.month <= ($ || '-01')::date",
                                        {.doc = "Last month", .check = rate_month})},
  };
}
}  // namespace

void add_rates(http::Api& api, settings::Groups const& groups) {
  list::add(api, rate_list());
  auto const to = [&groups] { return groups.now<Organisation>()->reporting_currency; };
  api.add(http::Endpoint<WantedRate, ExchangeRate>{
      .route = "PUT /api/settings/exchange-rates/{currency}/{month}",
      .summary = "Tell what a currency was worth at the end of a month",
      .tag = "Reports",
      .scope = "reports:write",
      .audit = "exchange_rate.changed",
      .handle = [to](http::Context& context,
                     WantedRate const& wanted) { return put(context, wanted, to()); },
  });
  api.add(http::Endpoint<OneRate, http::Nothing>{
      .route = "DELETE /api/settings/exchange-rates/{currency}/{month}",
      .summary = "Take an exchange rate away",
      .tag = "Reports",
      .scope = "reports:write",
      .audit = "exchange_rate.removed",
      .problems = {rate_not_found},
      .handle = [to](http::Context& context,
                     OneRate const& asked) { return remove(context, asked, to()); },
  });
  api.add(http::Endpoint<RateTable, Imported>{
      .route = "POST /api/settings/exchange-rates/import",
      .summary = "Tell many exchange rates at once",
      .tag = "Reports",
      .scope = "reports:write",
      .audit = "exchange_rate.imported",
      .handle = [to](http::Context& context,
                     RateTable const& table) { return import(context, table, to()); },
  });
}

}  // namespace reports
