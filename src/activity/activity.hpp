#pragma once
// The one stream of what happened to customers and tenants: append-only, written in the transaction
// of the change. Timelines, the dashboard's feed and GET /api/activity read it.
#include "activity/kinds.hpp"
#include "platform/list/list.hpp"
#include "platform/mail/mail.hpp"

namespace activity {

enum class ActorKind { staff, key, visitor, system, customer };
constexpr auto names_of(ActorKind) {
  return std::array<std::string_view, 5>{"staff", "key", "visitor", "system", "customer"};
}

/// Whose row it is. Of a tenant its customer follows by itself.
struct About {
  std::optional<Id<"ten">> tenant{};
  std::optional<Id<"cus">> customer{};
};

/// One kind with its fields; made from each of them.
struct Fact {
  std::string_view kind;
  RawJson data;
  template <Kind K>
  Fact(K const& fact) : kind{K::kind}, data{json::text(fact)} {}
};

/// The only writer. `actor` is a person's address, the beginning of an API key, a customer's id,
/// "visitor", or the part of the program that did it by itself.
void record(db::Tx& tx, About const& about, std::string_view actor, Fact const& fact);

/// What became of a mail about a customer; of the others nothing is told.
void record_mail(db::Tx& tx, mail::Delivered const& mail);

/// A row as every door answers it. Kinds and data may be newer than their reader.
struct Entry {
  Id<"act"> id;
  Time created_at;
  std::string kind;
  std::optional<Id<"cus">> customer_id;
  std::optional<Id<"ten">> tenant_id;
  std::string actor;
  ActorKind actor_kind;
  std::optional<std::int64_t> actor_id;
  std::string subject;
  RawJson data;
  static constexpr auto fields() {
    using E = Entry;
    return ::fields(
        field("id", &E::id), field("created_at", &E::created_at), field("kind", &E::kind),
        field("customer_id", &E::customer_id), field("tenant_id", &E::tenant_id),
        field(
            "actor", &E::actor,
            {.doc = "A person's address, the beginning of a key, a customer's id, visitor, or the "
                    "part of the program that did it by itself"}),
        field("actor_kind", &E::actor_kind),
        field("actor_id", &E::actor_id, {.doc = "Of staff and keys, where they are known"}),
        field("subject", &E::subject, {.doc = "The name it had then: a subdomain or a company"}),
        field("data", &E::data, {.doc = "The fields of the kind"}));
  }
};

/// The newest fifteen, of everybody: the dashboard's feed.
[[nodiscard]] std::vector<Entry> newest(db::Tx& tx);
/// The timeline of the tenant that the route's {id} names.
[[nodiscard]] list::List list_of_tenant(std::string_view route, std::string_view tag,
                                        std::string_view scope);

void add_endpoints(http::Api& api);

}  // namespace activity
