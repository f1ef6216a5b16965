#pragma once
// Reading the audit trail: pages, the result of the last check, and exports.
#include "audit/audit.hpp"

namespace audit {

using AuditId = Id<"aud">;

struct Entry {
  AuditId id;
  Time timestamp;
  std::string actor;
  std::optional<Id<"usr">> actor_id;
  std::optional<std::string> role;
  std::optional<Id<"key">> api_key_id;
  std::string action, target;
  std::optional<std::string> reason;
  std::string address, request_id;
  RawJson before, after;
  static constexpr auto rules() {
    return ::rules(
        rule(&Entry::actor,
             {.doc = "E-mail of a person, prefix of an API key, visitor, command line or system"}),
        rule(&Entry::before, {.doc = "The fields that changed, as they were"}),
        rule(&Entry::after, {.doc = "The fields that changed, as they are now"}));
  }
};

struct Filters {
  std::optional<std::string> actor, action, target;
  std::optional<Time> from, to;
  std::optional<std::string> q;
  static constexpr auto rules() {
    return ::rules(
        rule(&Filters::actor,
             {.doc = "Exactly this actor", .example = "owner@example.com", .max_length = 254}),
        rule(&Filters::action,
             {.doc = "This action, or all that begin with it when it ends with a dot",
              .example = "tenant.",
              .max_length = 100}),
        rule(&Filters::target, {.doc = "Id of the object", .example = "ten_12", .max_length = 254}),
        rule(&Filters::from, {.doc = "Not before"}), rule(&Filters::to, {.doc = "Before"}),
        rule(&Filters::q, {.doc = "Part of actor, action, target, address, reason or of the values",
                           .max_length = 100}));
  }
};

/// At most `limit` (1 to 101) rows older than `before`, newest first.
[[nodiscard]] std::vector<Entry> entries(db::Tx& tx, Filters const& filters,
                                         std::optional<AuditId> before, int limit);

/// "actor=…, from=…": for the first line of an export and for its own audit row.
[[nodiscard]] std::string words(Filters const& filters);

void add_endpoints(http::Api& api);

}  // namespace audit
