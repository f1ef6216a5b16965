#pragma once
// Rows on their way out, never made into objects: what PostgreSQL sends is written in one pass,
// driven by the row's description. Types write values, formats write what stands between them.
#include "platform/list/list.hpp"

namespace list {

/// A row as a JSON object.
void write_json(std::string& out, db::Columns const& columns, types::Type const& row, int index);

/// The columns of a row as a file shows them: "mrr.amount" of an object in it.
[[nodiscard]] std::vector<std::string> headings(types::Type const& row);

}  // namespace list
