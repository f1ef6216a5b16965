#include "billing/invoice_mails.hpp"

#include "platform/retention/retention.hpp"

namespace billing {

namespace {
db::Query const insert_mails{"billing.insert_invoice_mails", R"sql(
  INSERT INTO billing_invoice_mails (invoice_id, mail_id) SELECT unnest($2::bigint[]), $1
  ON CONFLICT DO NOTHING
)sql"};

retention::Kept const kept_mails{"billing_invoice_mails", "they go with their mails"};
}  // namespace

void note_invoice_mail(db::Tx& tx, std::int64_t mail, std::vector<std::int64_t> const& invoices) {
  if (!invoices.empty()) tx.exec(insert_mails, mail, invoices);
}

}  // namespace billing
