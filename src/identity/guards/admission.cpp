// Refusals that come before anything is known about who asks.
#include "identity/guards/admission.hpp"

namespace identity::guards {

namespace {
constexpr std::string_view webhook = "/webhook/stripe";

bool stays_possible(std::string_view path) {
  return path == webhook || path.starts_with("/api/admin/") ||
         path.starts_with("/api/settings/security/");
}

bool is_blocked(Snapshot const& snapshot, std::string_view address) {
  if (snapshot.blocked.empty()) return false;
  auto const now = clock_source::now();
  return std::any_of(snapshot.blocked.begin(), snapshot.blocked.end(),
                     [&](BlockedNetwork const& blocked) {
                       return blocked.until > now && blocked.network.contains(address);
                     });
}
}  // namespace

void admit(Snapshot const& snapshot, http::Request const& request, bool writes) {
  if (is_blocked(snapshot, request.remote_address) && request.path != "/healthz" &&
      request.path != webhook)
    throw Problem{address_blocked};
  if (writes && snapshot.read_only && !stays_possible(request.path))
    throw Problem{read_only_mode}.retry_after(60);
}

}  // namespace identity::guards
