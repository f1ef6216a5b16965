#include "ledger/dossier.hpp"

namespace ledger {

void follow_invoice(db::Tx&, customers::CustomerId, std::string_view,
                    std::optional<std::string> const&) {}
void follow_invoice_item(db::Tx&, customers::CustomerId, std::string_view,
                         std::optional<std::string> const&) {}

}  // namespace ledger
