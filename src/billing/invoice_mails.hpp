#pragma once
// Which mails were sent about an invoice.
#include "platform/db/db.hpp"

namespace billing {

/// In the transaction that sends it.
void note_invoice_mail(db::Tx& tx, std::int64_t mail, std::vector<std::int64_t> const& invoices);

}  // namespace billing
