#include "billing/caution.hpp"

#include "identity/sessions/sessions.hpp"
#include "platform/installation/installation.hpp"
#include "platform/money/money.hpp"

namespace billing {

void add_payment_settings(settings::Groups& groups, http::Api& api) {
  groups.add<Caution>(api, caution_group, "payments and refunds");
}

void require_may_move(http::Context& context, std::string_view currency, std::int64_t amount) {
  if (installation::is_copy(context.tx)) throw Problem{installation_is_copy};
  auto from = settings::read<Caution>(context.tx, caution_group).confirm_from;
  for (int digit = money::decimals(currency); digit > 0; --digit) from = money::times(from, 10);
  if (amount >= from) identity::sessions::require_recent_confirmation(context.tx, context.actor);
}

}  // namespace billing
