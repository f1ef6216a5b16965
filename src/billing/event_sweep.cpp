// Events that never arrived: Stripe's list, read newest first.
#include "billing/events.hpp"
#include "platform/log/log.hpp"
#include "platform/retention/retention.hpp"

namespace billing {

namespace {
/// One reading of Stripe's list, newest first. Where it begins depends on what was read before,
/// never on which events happen to be stored.
struct Pass {
  std::optional<Time> swept_until, pass_from, pass_began;
  std::optional<std::string> pass_after;
};
db::Query const add_sweep{"billing.add_sweep", R"sql(
  INSERT INTO stripe_sweeps (kind) VALUES ($1) ON CONFLICT (kind) DO NOTHING
)sql"};
db::Query const load_sweep{"billing.load_sweep", R"sql(
  SELECT swept_until, pass_from, pass_began, pass_after FROM stripe_sweeps WHERE kind = $1
     FOR UPDATE
)sql"};
db::Query const write_pass{"billing.write_pass", R"sql(
  UPDATE stripe_sweeps SET pass_from = $2, pass_began = $3, pass_after = $4 WHERE kind = $1
)sql"};
db::Query const end_pass{"billing.end_pass", R"sql(
  UPDATE stripe_sweeps SET swept_until = pass_began, pass_from = NULL, pass_began = NULL,
                           pass_after = NULL
   WHERE kind = $1
)sql"};

constexpr auto stripe_remembers = std::chrono::days{30};
/// Clocks differ, and an event may come into the list later than its time says.
constexpr auto overlap = std::chrono::hours{1};

retention::Kept const kept_stripe_sweeps{"stripe_sweeps", "one row a kind"};
}  // namespace

void Events::sweep(jobs::Context& job, std::string_view kind) {
  auto pass = job.transact([&](db::Tx& tx) {
    tx.exec(add_sweep, kind);
    auto row = tx.one<Pass>(load_sweep, kind);
    auto const now = clock_source::now();
    auto const oldest = now - stripe_remembers;
    // One that was cut off long ago, or by a clock that was wrong, is begun anew.
    if (row.pass_began && *row.pass_began <= now && *row.pass_from >= oldest - std::chrono::days{1})
      return row;
    auto const last = std::min(row.swept_until.value_or(now - std::chrono::days{1}), now);
    row.pass_from = kind == "month" ? oldest : std::max(last - overlap, oldest);
    row.pass_began = now;
    row.pass_after.reset();
    tx.exec(write_pass, kind, row.pass_from, row.pass_began, row.pass_after);
    return row;
  });
  int found = 0;
  for (bool has_more = true; has_more;) {
    http_client::Form query;
    query.add("created[gte]", clock_source::unix_seconds(*pass.pass_from)).add("limit", 100);
    if (pass.pass_after) query.add("starting_after", *pass.pass_after);
    stripe::Object page;
    try {
      page = client_.get("/v1/events", query);
    } catch (stripe::Refused const& refused) {
      if (!pass.pass_after) throw;
      // Stripe has forgotten the event that we had come to.
      job.transact([&](db::Tx& tx) {
        tx.exec(write_pass, kind, pass.pass_from, pass.pass_began, std::nullopt);
      });
      throw jobs::Retry{refused.what()};
    }
    auto const* data = stripe::find(page, "data");
    if (!data || !data->is_array()) throw jobs::Retry{"Stripe's answer is no list of events"};
    auto const& events = data->get_array();
    has_more = stripe::boolean(page, "has_more") && !events.empty();
    found += job.transact([&](db::Tx& tx) {
      int kept = 0;
      for (auto const& item : events)
        kept += keep_event(tx, item.as_object(), boost::json::serialize(item), "sweep");
      if (has_more) {
        pass.pass_after = stripe::text(events.back().as_object(), "id");
        tx.exec(write_pass, kind, pass.pass_from, pass.pass_began, pass.pass_after);
      } else {
        tx.exec(end_pass, kind);
        if (found + kept > 0) job.note(std::to_string(found + kept) + " events fetched");
        job.finish(tx);
      }
      return kept;
    });
  }
  if (found) logging::warning("billing", "{} Stripe events had not arrived; fetched", found);
}

}  // namespace billing
