#pragma once
// Reading the audit trail: its list, the result of the last check, and exports.
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
             {.doc = "Email of a person, prefix of an API key, visitor, command line or system"}),
        rule(&Entry::before, {.doc = "The fields that changed, as they were"}),
        rule(&Entry::after, {.doc = "The fields that changed, as they are now"}));
  }
};

void add_endpoints(http::Api& api);

}  // namespace audit
