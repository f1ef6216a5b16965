// The verbs of customers with their SQL.
#include "customers/customers.hpp"
#include "customers/changes.hpp"

#include "analytics/rollups.hpp"
#include "customers/jobs.hpp"
#include "platform/retention/retention.hpp"

namespace customers {

namespace {
db::Query const insert_customer{"customers.insert", R"sql(
  INSERT INTO customers (company, name, email, country, locale) VALUES ($1, $2, $3, $4, $5)
  RETURNING id, company, name, email, country, locale, stripe_customer_id, created_at
)sql"};

db::Query const load{"customers.load", R"sql(
  SELECT id, company, name, email, country, locale, stripe_customer_id, created_at
    FROM customers WHERE id = $1
)sql"};

db::Query const by_stripe_id{"customers.by_stripe_id",
                             "SELECT id FROM customers WHERE stripe_customer_id = $1"};

db::Query const link{"customers.link", R"sql(
  UPDATE customers SET stripe_customer_id = $2 WHERE id = $1 AND stripe_customer_id IS NULL
)sql"};

db::Query const rewrite_customer{"customers.rewrite", R"sql(
  UPDATE customers SET company = $2, name = $3, email = $4, country = $5, locale = $6 WHERE id = $1
)sql"};

retention::Kept const kept_customers{"customers", "invoices name them"};
}  // namespace

Customer create(db::Tx& tx, NewCustomer const& customer) {
  auto created = tx.one<Customer>(insert_customer, customer.company, customer.name, customer.email,
                                  customer.country, customer.locale);
  analytics::add(tx, analytics::Metric::customers, "", created.created_at, 1);
  return created;
}

Customer get(db::Tx& tx, CustomerId id) { return tx.one<Customer>(load, id); }

void rewrite(db::Tx& tx, CustomerId id, NewCustomer const& customer) {
  tx.exec(rewrite_customer, id, customer.company, customer.name, customer.email, customer.country,
          customer.locale);
}

std::optional<CustomerId> find_by_stripe_id(db::Tx& tx, std::string_view stripe_id) {
  return tx.maybe<CustomerId>(by_stripe_id, stripe_id);
}

void link_to_stripe(db::Tx& tx, CustomerId id, std::string_view stripe_id) {
  if (tx.exec(link, id, stripe_id) > 0) jobs::enqueue(tx, Linked{std::string{stripe_id}});
}

}  // namespace customers
