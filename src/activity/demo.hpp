#pragma once
// What happened in the demo business.
#include "platform/db/db.hpp"

namespace activity {

/// A tenant went from one state to another.
struct DemoChange {
  std::int64_t customer_id, tenant_id;
  std::string subject, from_state, to_state, actor;  // `actor`: a part of the program
  Time at;
};

void add_demo(db::Tx& tx, std::vector<DemoChange> changes);
/// Whatever is told of its customers; before they and their tenants are removed.
void remove_demo(db::Tx& tx);

}  // namespace activity
