#pragma once
// Changes of things that several people edit: If-Match says which version the change is of.
#include "platform/http/message.hpp"
#include "platform/json/problem.hpp"
#include "platform/types/fields.hpp"

namespace http {

inline constexpr ProblemType version_required{
    Kind::precondition_required, "version_required",
    "Say in If-Match which version the change is of (the ETag of GET)"};
inline constexpr ProblemType version_outdated{Kind::precondition_failed, "version_outdated",
                                              "Somebody else has changed it meanwhile"};

/// Gives an answer the ETag of this version.
void add_version(Response& response, std::int64_t version);

/// Throws unless If-Match names `version`. The problem shows both sides: `current`, the object as
/// it is now, and `yours`, the body that was sent.
void require_version(Request const& request, std::int64_t version, RawJson const& current);

}  // namespace http
