// The rows of demo customers.
#include "customers/demo.hpp"

namespace customers {

namespace {
db::Query const any_demo{"customers.any_demo",
                         "SELECT EXISTS (SELECT 1 FROM customers WHERE is_demo)"};
db::Query const free_id{"customers.first_free_id",
                        "SELECT coalesce(max(id), 0) + 1 FROM customers"};
db::Query const advance{"customers.advance_id", R"sql(
  SELECT setval(pg_get_serial_sequence('customers', 'id'), (SELECT max(id) FROM customers))
)sql"};
db::Query const delete_demo{"customers.delete_demo", "DELETE FROM customers WHERE is_demo"};
}  // namespace

bool has_demo(db::Tx& tx) { return tx.one<bool>(any_demo); }

std::int64_t first_free_id(db::Tx& tx) { return tx.one<std::int64_t>(free_id); }

void add_demo(db::Tx& tx, std::vector<DemoCustomer> const& customers) {
  std::string rows;
  for (auto const& [id, company, name, email, country, locale, created_at] : customers)
    db::copy_line(rows, id, company, name, email, country, locale, true, created_at);
  tx.copy_in(
      "COPY customers (id, company, name, email, country, locale, is_demo, created_at) FROM STDIN",
      rows);
  tx.one<std::int64_t>(advance);
}

void remove_demo(db::Tx& tx) { tx.exec(delete_demo); }

}  // namespace customers
