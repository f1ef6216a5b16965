// Jobs, schedules and Stripe's events.
#include "invariants/declared.hpp"

namespace invariants {

std::vector<Declared> of_work() {
  using enum Severity;
  return {
      {.name = "job_late",
       .severity = medium,
       .says = "No job waits longer than ten minutes once it may run",
       .why = "No worker runs, or there are too few",
       .finds = R"sql(
         SELECT kind || ' ' || id, 'jobs', state::text, jsonb_build_object('due_at', run_at)
           FROM jobs
          WHERE state = 'waiting' AND run_at < now() - interval '10 minutes'
             OR state = 'running' AND lease_until < now() - interval '10 minutes'
       )sql"},
      {.name = "job_dead",
       .severity = medium,
       .says = "No job has given up",
       .why = "Somebody has to look: what it should have done is not done",
       .finds = R"sql(
         SELECT kind || ' ' || id, 'jobs', 'dead',
                jsonb_build_object('since_at', finished_at, 'error', left(last_error, 200))
           FROM jobs WHERE state = 'dead'
       )sql"},
      {.name = "schedule_fails",
       .severity = medium,
       .says = "What is done regularly has succeeded within three of its rounds",
       .why = "It fails again and again, and each new round hides the one before",
       .finds = R"sql(
         SELECT name, 'jobs', 'dead',
                jsonb_build_object('since_at', last_succeeded_at, 'error', left(last_note, 200))
           FROM job_schedules
          WHERE last_outcome = 'failed'
            AND coalesce(last_succeeded_at, added_at)
                < now() - greatest(3 * every_seconds * interval '1 second', interval '1 hour')
       )sql"},
      {.name = "event_waiting",
       .severity = high,
       .says = "An event of Stripe's is worked off within an hour",
       .why = "The books and the tenants are behind",
       .finds = R"sql(
         SELECT id, NULL, NULL, jsonb_build_object('kind', type, 'since_at', received_at)
           FROM stripe_events
          WHERE state = 'received' AND received_at < now() - interval '1 hour'
       )sql"},
      {.name = "event_dead",
       .severity = high,
       .says = "No event of Stripe's was given up",
       .why = "What it told is missing from the books: replay it when its cause is gone",
       .finds = R"sql(
         SELECT id, NULL, NULL,
                jsonb_build_object('kind', type, 'since_at', received_at, 'error',
                                   left(last_error, 200))
           FROM stripe_events WHERE state = 'dead'
       )sql"},
      {.name = "event_unlinked",
       .severity = high,
       .says = "An event of a customer whom we know is that customer's within a day",
       .why = "What it told is missing from the customer's books",
       .finds = R"sql(
         SELECT e.id, 'customer', 'cus_' || c.id,
                jsonb_build_object('kind', e.type, 'since_at', e.received_at)
           FROM stripe_events AS e JOIN customers AS c ON c.stripe_customer_id = e.stripe_customer
          WHERE e.state = 'unlinked' AND e.received_at < now() - interval '1 day'
       )sql"},
  };
}

}  // namespace invariants
