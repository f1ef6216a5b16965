#pragma once
// The customers of the demo business: known by is_demo, and removed with it.
#include "platform/db/db.hpp"

namespace customers {

struct DemoCustomer {
  std::int64_t id;
  std::string company, name, email, country, locale;
  Time created_at;
};

[[nodiscard]] bool has_demo(db::Tx& tx);
/// From here on ids are free; add_demo() takes those that its rows use.
[[nodiscard]] std::int64_t first_free_id(db::Tx& tx);
void add_demo(db::Tx& tx, std::vector<DemoCustomer> const& customers);
/// After whatever other rooms know about them.
void remove_demo(db::Tx& tx);

}  // namespace customers
