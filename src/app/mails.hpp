#pragma once
// The outbox as staff read it, who is not written to, and the words of mails.
#include "platform/http/endpoint.hpp"

namespace app {
void add_mails(http::Api& api);
void add_mail_suppressions(http::Api& api);
void add_mail_texts(http::Api& api);
}  // namespace app
