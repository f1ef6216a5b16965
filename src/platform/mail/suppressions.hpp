#pragma once
// Who is not written to, and why: addresses that do not exist, and kinds of mail that their reader
// has declined.
#include "platform/db/db.hpp"

namespace mail {

using SuppressionId = Id<"sup">;

/// No mail goes there any more: the mail server says that there is no such address.
void suppress(db::Tx& tx, std::int64_t mail_id, std::string_view status_code,
              std::string_view answer);
/// Why this mail is not sent; none: it is.
[[nodiscard]] std::optional<std::string> suppressed_by(db::Tx& tx, std::int64_t mail_id);

/// What a link to decline is about.
struct Declinable {
  std::string template_name, locale;
  bool is_declined;
};
[[nodiscard]] std::optional<Declinable> declinable(db::Tx& tx, std::string_view token);
/// False: there is no such link.
bool decline(db::Tx& tx, std::string_view token);
bool take_back(db::Tx& tx, std::string_view token);

struct Suppression {
  SuppressionId id;
  std::string address, template_name, reason;
};
/// Staff write there again; none: there is no such row.
[[nodiscard]] std::optional<Suppression> lift(db::Tx& tx, SuppressionId id);

}  // namespace mail
