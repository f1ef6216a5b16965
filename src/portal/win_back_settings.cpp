#include "portal/portal.hpp"
#include "portal/win_back.hpp"

namespace portal {

namespace {
constexpr auto group = "win_back";
}

WinBack win_back_now(db::Tx& tx) { return settings::read<WinBack>(tx, group); }

void add_settings(settings::Groups& groups, http::Api& api) {
  groups.add<WinBack>(api, group, "what is done for customers who leave");
}

}  // namespace portal
