#pragma once
// Documents about the program itself: OpenAPI, Postman, health, metrics, housekeeping.
#include "platform/http/endpoint.hpp"

namespace app {
void add_documents(http::Api& api);
}
