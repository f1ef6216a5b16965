#pragma once
// The outbox as staff read it.
#include "platform/http/endpoint.hpp"

namespace app {
void add_mails(http::Api& api);
}
