#pragma once
// Tax numbers of customers, and whether the authority knows them.
#include "sandbox/store.hpp"

namespace sandbox {

Object add_tax_id(Store& store, std::string const& customer, Object const& parameters);
/// As an invoice shows them: type and value.
[[nodiscard]] Array tax_ids_for_invoice(Store& store, std::string const& customer);
/// The authority has answered.
void verify_tax_id(Store& store, Object& tax_id);

}  // namespace sandbox
