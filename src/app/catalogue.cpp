// Every capability on one screen: its doors, its jobs, what it listens to.
#include "analytics/rollups.hpp"
#include "app/application.hpp"
#include "app/documents.hpp"
#include "app/mails.hpp"
#include "app/pages.hpp"
#include "audit/trail.hpp"
#include "billing/comparison.hpp"
#include "billing/endings.hpp"
#include "billing/late_payments.hpp"
#include "billing/owed.hpp"
#include "billing/payment_links.hpp"
#include "billing/plan_changes.hpp"
#include "billing/renewals.hpp"
#include "identity/keys.hpp"
#include "monitoring/first_steps.hpp"
#include "monitoring/history.hpp"
#include "platform/http/idempotency.hpp"
#include "platform/mail/mail.hpp"
#include "security/security.hpp"
#include "tenants/access.hpp"
#include "tenants/batches.hpp"
#include "tenants/endpoints.hpp"

namespace app {

void add_everything(Application& application) {
  auto& api = application.api_;
  auto& engine = application.engine_;

  api.on_audit(audit::write);
  audit::add_endpoints(api);
  application.identity_.add_endpoints(api);
  auto& directory = application.identity_.directory();
  security::add_event_endpoints(api, directory);
  security::add_switch_endpoints(api, directory, application.vault_);
  security::add_workers(engine, application.settings_, application.vault_);

  tenants::add_endpoints(api, &application.blueprints_);
  tenants::add_access_endpoint(api, application.vault_);
  tenants::add_batch_worker(engine, directory);
  application.domains_.add_endpoints(api);
  application.domains_.add_workers(engine);
  application.signups_.add_endpoints(api);
  application.signups_.add_event_handlers(application.events_);
  application.signups_.add_workers(engine);

  application.events_.add_endpoints(api);
  application.events_.add_workers(engine);
  billing::add_payment_link_endpoint(api);
  billing::add_payment_link_worker(engine, application.settings_);
  billing::add_late_payment_endpoint(api);
  billing::add_late_payment_workers(engine, application.settings_);
  billing::add_renewal_workers(engine, application.settings_);
  billing::add_ending_workers(engine, application.settings_);
  billing::add_comparison_endpoint(api);
  billing::add_owed_endpoints(api);
  billing::add_owed_workers(engine, application.settings_);
  billing::add_comparison_worker(engine, application.settings_);
  billing::add_plan_change_endpoints(api);
  billing::add_plan_change_workers(engine, application.settings_);
  provisioning::add_endpoints(application.world_, api);
  application.world_.keeper = application.backups_.keeper();
  provisioning::add_workers(application.world_, engine);
  application.backups_.add_endpoints(api);
  application.backups_.add_workers(engine);
  mail::add_workers(engine, application.settings_);
  http::add_workers(engine);
  http::add_idempotency_workers(engine);
  identity::add_throttle_workers(engine, application.settings_);
  identity::add_key_workers(engine, application.vault_);
  analytics::add_workers(engine);

  application.dashboard_.add_endpoints(api);
  monitoring::add_first_steps(api);
  monitoring::add_history(api);
  add_mails(api);
  add_documents(api, application.readiness_, [&application] { return application.working(); });
  add_pages(api);
}

}  // namespace app
