// Refusals that come before anything is known about who asks.
#include "identity/guards/admission.hpp"

namespace identity {

namespace {
struct BlockRow {
  std::string address;
  Time expires_at;
  static constexpr auto fields() {
    return ::fields(field("address", &BlockRow::address),
                    field("expires_at", &BlockRow::expires_at));
  }
};

db::Query const list_blocked{"identity.list_blocked_addresses", R"sql(
  SELECT address, expires_at FROM blocked_addresses WHERE expires_at > $1
)sql"};
db::Query const load_read_only{"identity.load_read_only", R"sql(
  SELECT on_since IS NOT NULL FROM incident_switches WHERE name = 'read_only'
)sql"};

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

std::vector<BlockedNetwork> blocked_networks(db::Tx& tx) {
  std::vector<BlockedNetwork> out;
  for (auto const& row : tx.all<BlockRow>(list_blocked, clock_source::now()))
    if (auto const network = http::Network::parse(row.address))
      out.push_back({*network, row.expires_at});
  return out;
}

bool is_read_only(db::Tx& tx) { return tx.one<bool>(load_read_only); }

void admit(Snapshot const& snapshot, http::Request const& request, bool writes) {
  if (is_blocked(snapshot, request.remote_address) && request.path != "/healthz" &&
      request.path != webhook)
    throw Problem{address_blocked};
  if (writes && snapshot.read_only && !stays_possible(request.path))
    throw Problem{read_only_mode}.retry_after(60);
}

}  // namespace identity
