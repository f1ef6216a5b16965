#pragma once
// The way of one API request, from its bytes to its answer.
#include "platform/http/route.hpp"
#include "sandbox/api.hpp"
#include "sandbox/engine.hpp"

namespace sandbox {

/// key · fault · parameters · idempotency · work in one transaction · expand · answer.
[[nodiscard]] http::Response answer_api_request(Engine& engine, db::Connection& connection,
                                                Endpoint const& endpoint,
                                                http::Request const& request);
/// An error in Stripe's form, with the headers of every answer.
[[nodiscard]] http::Response error_answer(ApiError const& error, std::string_view request_id);

/// Throws 401 unless the request carries the secret key, as Bearer or Basic.
void check_key(Settings const& settings, http::Request const& request);
[[nodiscard]] http::Response json_answer(int status, std::string body, std::string_view request_id);

/// Replaces ids by objects: expand[]=latest_invoice.payments, data.customer …
void expand(Store& store, Value& answer, std::string_view path);

/// GET, POST and DELETE of /v1/test_helpers/faults.
[[nodiscard]] Object answer_faults_request(Engine& engine, http::Request const& request);

}  // namespace sandbox
