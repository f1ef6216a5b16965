// Every capability on one screen: its doors, its jobs, what it listens to.
#include "analytics/rollups.hpp"
#include "app/application.hpp"
#include "app/documents.hpp"
#include "app/mails.hpp"
#include "app/pages.hpp"
#include "audit/audit.hpp"
#include "monitoring/first_steps.hpp"
#include "monitoring/history.hpp"
#include "platform/mail/mail.hpp"
#include "tenants/endpoints.hpp"

namespace app {

void add_everything(Application& application) {
  auto& api = application.api_;
  auto& engine = application.engine_;

  api.on_audit(audit::write);
  application.identity_.add_endpoints(api);

  tenants::add_endpoints(api);
  application.signups_.add_endpoints(api);
  application.signups_.add_event_handlers(application.events_);
  application.signups_.add_workers(engine);

  application.events_.add_endpoints(api);
  application.events_.add_workers(engine);
  application.provisioning_.add_workers(engine);
  mail::add_workers(engine, application.settings_);
  http::add_workers(engine);
  identity::add_throttle_workers(engine, application.settings_);
  analytics::add_workers(engine);

  application.dashboard_.add_endpoints(api);
  monitoring::add_first_steps(api);
  monitoring::add_history(api);
  add_mails(api);
  add_documents(api);
  add_pages(api);
}

}  // namespace app
