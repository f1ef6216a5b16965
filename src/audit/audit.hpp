#pragma once
// The audit trail: hash-chained rows, written by declaration for every endpoint that changes
// something and by the verbs that no endpoint asks for.
#include "platform/http/endpoint.hpp"

namespace audit {

/// Appends the row of an endpoint's call; of two objects before and after only what differs. Given
/// to http::Api::on_audit.
void write(db::Tx& tx, http::AuditEntry const& entry);

/// Appends a row for the program itself ("system") or a command line.
void write_by_system(db::Tx& tx, std::string_view actor, std::string_view action,
                     std::string_view target, RawJson const& after = {},
                     std::string_view reason = {});

struct Verification {
  std::int64_t rows;
  std::optional<std::int64_t> first_broken_id;
};
/// Recomputes the whole chain; names the first row that was altered, removed or put in. What it
/// cannot see, a shortened or wholly rewritten chain, the anchors show (anchors.hpp).
[[nodiscard]] Verification verify(db::Connection& connection);

}  // namespace audit
