#pragma once
// Cursors: where a page ended, as text that a client brings back unread. Signed, and good for one
// list and one order only.
#include "platform/list/statements.hpp"

namespace list {

[[nodiscard]] std::string cursor_text(http::Api const& api, List const& list,
                                      Selection const& selection, Place const& last);
/// Throws Problem{validation_failed} when it is not one of this list and order.
[[nodiscard]] Place read_cursor(http::Api const& api, List const& list, Selection const& selection);

}  // namespace list
