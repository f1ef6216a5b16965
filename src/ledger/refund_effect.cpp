#include "ledger/refund_effect.hpp"

#include <algorithm>

#include "ledger/entries.hpp"
#include "ledger/ledger.hpp"
#include "ledger/recognition.hpp"
#include "ledger/shelf.hpp"
#include "mirror/mirror.hpp"

namespace ledger {

namespace {
constexpr auto imagined = "re_imagined";

// Enough for what is paid ten years ahead.
db::Query const months_from{"ledger.months_from", R"sql(
  SELECT month AT TIME ZONE zone
    FROM (SELECT $3::text AS zone, $1::timestamptz AT TIME ZONE $3::text AS since,
                 $2::timestamptz AT TIME ZONE $3::text AS until) AS given,
         generate_series(date_trunc('month', since),
                         least(until, since + interval '10 years') + interval '1 month',
                         interval '1 month') AS month
)sql"};
}  // namespace

std::vector<RevenueTakenBack> effect_of_refund(db::Tx& tx, std::string_view stripe_invoice_id,
                                               std::int64_t amount, Time at) {
  std::string const id{stripe_invoice_id};
  auto const customer = mirror::place_of(tx, id).customer;
  auto papers = customer ? Shelf::of_document(tx, *customer, id).papers_of(id) : std::nullopt;
  if (!papers) return {};
  papers->refunds.push_back(
      {.id = imagined, .currency = papers->invoice.currency, .amount = amount, .at = at});
  std::vector<Obligation> mirrors;
  auto until = at;
  for (auto const& entry : entries_of(*papers)) {
    if (entry.book != Book::revenue || entry.part != imagined) continue;
    mirrors.push_back({entry.at, *entry.service_start, *entry.service_end, entry.amount});
    until = std::max(until, *entry.service_end);
  }
  std::vector<RevenueTakenBack> out;
  auto const edges = tx.all<Time>(months_from, at, until, zone(tx));
  for (std::size_t i = 0; i + 1 < edges.size(); ++i) {
    std::int64_t less = 0;
    for (auto const& mirror : mirrors)
      less += recognised_before(mirror, edges[i]) - recognised_before(mirror, edges[i + 1]);
    if (less != 0) out.push_back({edges[i], less});
  }
  return out;
}

}  // namespace ledger
