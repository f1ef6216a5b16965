// The rows of the demo's activity.
#include "activity/demo.hpp"

#include <algorithm>

#include "activity/activity.hpp"

namespace activity {

namespace {
db::Query const delete_demo{"activity.delete_demo", R"sql(
  DELETE FROM activity WHERE customer_id IN (SELECT id FROM customers WHERE is_demo)
)sql"};
}  // namespace

void add_demo(db::Tx& tx, std::vector<DemoChange> changes) {
  // As they happened, since the newest have the highest ids.
  std::ranges::stable_sort(changes, {}, &DemoChange::at);
  std::string rows;
  for (auto const& [customer, tenant, subject, from, to, actor, at] : changes) {
    Fact const fact{StateChanged{.from_state = from, .to_state = to}};
    db::copy_line(rows, customer, tenant, fact.kind, ActorKind::system, actor, subject, fact.data,
                  at);
  }
  tx.copy_in(
      "COPY activity (customer_id, tenant_id, kind, actor_kind, actor, subject, data, at) FROM "
      "STDIN",
      rows);
}

void remove_demo(db::Tx& tx) { tx.exec(delete_demo); }

}  // namespace activity
