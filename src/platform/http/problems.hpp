#pragma once
// Problems as HTTP answers.
#include "platform/http/message.hpp"
#include "platform/json/problem.hpp"

namespace http {

inline constexpr ProblemType authentication_required{
    Kind::unauthenticated, "authentication_required", "Sign in or send a bearer token"};
inline constexpr ProblemType missing_scope{Kind::forbidden, "missing_scope",
                                           "Your role does not allow this"};
inline constexpr ProblemType second_factor_required{Kind::forbidden, "second_factor_required",
                                                    "Your role needs a second factor"};
inline constexpr ProblemType step_up_required{Kind::forbidden, "step_up_required",
                                              "Prove again who you are: this action is dangerous"};
inline constexpr ProblemType cross_site_request{
    Kind::forbidden, "cross_site_request", "The request does not come from this site's own pages"};
inline constexpr ProblemType too_many_requests{Kind::too_many, "too_many_requests",
                                               "Too many requests"};
inline constexpr ProblemType database_unavailable{Kind::unavailable, "database_unavailable",
                                                  "The service is starting or recovering"};
inline constexpr ProblemType disk_full{Kind::unavailable, "disk_full", "The server's disk is full"};
inline constexpr ProblemType internal_error{Kind::internal, "internal_error",
                                            "Something went wrong on our side"};
inline constexpr ProblemType not_found{Kind::not_found, "not_found", "There is nothing here"};

inline constexpr ProblemType malformed_query{Kind::bad_request, "malformed_query",
                                             "The query is not valid percent-encoded UTF-8"};
inline constexpr ProblemType unsupported_media{Kind::unsupported_media, "unsupported_media_type",
                                               "The body must be application/json"};

[[nodiscard]] int status_of(Kind kind);

/// application/problem+json; `status` only where the edge itself refuses.
[[nodiscard]] Response problem_document(Request const& request, Problem const& problem,
                                        std::optional<int> status = {});
[[nodiscard]] Response problem_document(Request const& request, int status, std::string_view code,
                                        std::string_view title, std::string_view detail);

/// A browser navigating, rather than a script asking.
[[nodiscard]] bool wants_page(Request const& request);

}  // namespace http
