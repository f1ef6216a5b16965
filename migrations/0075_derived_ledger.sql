-- MRR is derived: from snapshots of subscriptions and terms of discounts come steps, from steps the
-- movements of each day. What was believed before is never overwritten.

CREATE TYPE mrr_policy AS ENUM ('recurring', 'forever', 'all');

-- One time of writing. A settings run nets movements in another zone, customer by customer.
CREATE TABLE ledger_runs (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reason        text NOT NULL CONSTRAINT ledger_runs_reason
        CHECK (reason IN ('event', 'rebuild', 'settings', 'carried', 'demo')),
    event_id      text,
    code_version  integer NOT NULL,
    believed_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    zone          text,
    -- Of a run over all customers: it goes on here when it was cut off.
    next_customer bigint,
    differences   bigint NOT NULL DEFAULT 0,
    finished_at   timestamptz,
    CONSTRAINT ledger_runs_zone CHECK ((reason = 'settings') = (zone IS NOT NULL)),
    CONSTRAINT ledger_runs_goes_on CHECK (reason IN ('rebuild', 'settings') OR next_customer IS NULL)
);
CREATE UNIQUE INDEX ledger_runs_open ON ledger_runs (reason)
    WHERE finished_at IS NULL AND reason IN ('rebuild', 'settings');
CREATE INDEX ledger_runs_zones ON ledger_runs (id) WHERE zone IS NOT NULL;
-- Each run asks for the newest moment, and there is a run for each event that changed something.
CREATE INDEX ledger_runs_by_belief ON ledger_runs (believed_at);

-- What events carried; 'fetched': what Stripe answered when it was asked.
CREATE TABLE subscription_snapshots (
    subscription_id text NOT NULL,
    created         timestamptz NOT NULL,
    event_id        text NOT NULL,
    type            text NOT NULL CONSTRAINT subscription_snapshots_type CHECK ((type = '') = (event_id = 'fetched')),
    customer_id     bigint NOT NULL REFERENCES customers,
    state           jsonb NOT NULL CONSTRAINT subscription_snapshots_state CHECK (jsonb_typeof(state) = 'object'),
    before          jsonb CONSTRAINT subscription_snapshots_before CHECK (jsonb_typeof(before) = 'object'),
    received_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (subscription_id, created, event_id)
);
CREATE INDEX subscription_snapshots_by_customer ON subscription_snapshots (customer_id);

CREATE TABLE discount_terms (
    discount_id     text PRIMARY KEY,
    customer_id     bigint NOT NULL REFERENCES customers,
    subscription_id text,
    item_id         text,
    is_of_invoice   boolean NOT NULL,
    coupon_id       text NOT NULL,
    duration        text CONSTRAINT discount_terms_duration CHECK (duration IN ('once', 'repeating', 'forever')),
    percent_off     numeric CONSTRAINT discount_terms_percent CHECK (percent_off > 0 AND percent_off <= 100),
    amount_off      bigint CONSTRAINT discount_terms_amount CHECK (amount_off > 0),
    currency        text,
    starts          timestamptz,
    ends            timestamptz,
    -- Taken away before its end.
    deleted_at      timestamptz,
    CONSTRAINT discount_terms_known CHECK ((duration IS NOT NULL) = (percent_off IS NOT NULL OR amount_off IS NOT NULL))
);
CREATE INDEX discount_terms_by_customer ON discount_terms (customer_id);
CREATE INDEX discount_terms_unknown ON discount_terms (coupon_id) WHERE duration IS NULL;
-- The words of coupons, and the events of a subscription.
CREATE INDEX stripe_events_by_object ON stripe_events (object_id);

-- A wrong step gets its opposite, which undoes it once, and the right one stands beside it.
CREATE TABLE mrr_steps (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id     bigint NOT NULL REFERENCES customers,
    subscription_id text NOT NULL,
    item_id         text NOT NULL,
    price_id        text NOT NULL,
    currency        char(3) NOT NULL,
    policy          mrr_policy NOT NULL,
    at              timestamptz NOT NULL,
    delta           bigint NOT NULL CONSTRAINT mrr_steps_move CHECK (delta <> 0),
    event_id        text,
    run_id          bigint NOT NULL REFERENCES ledger_runs,
    believed_at     timestamptz NOT NULL,
    undoes          bigint UNIQUE REFERENCES mrr_steps
);
CREATE INDEX mrr_steps_by_subscription ON mrr_steps (subscription_id, at);
CREATE INDEX mrr_steps_by_customer ON mrr_steps (customer_id, at);
CREATE INDEX mrr_steps_by_time ON mrr_steps (at) WHERE policy = 'recurring';
CREATE INDEX mrr_steps_by_belief ON mrr_steps (believed_at) WHERE policy = 'recurring';

-- The owner of a table may give itself any right, so what holds is a trigger. Demo data goes again.
CREATE FUNCTION mrr_steps_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND (SELECT is_demo FROM customers WHERE id = OLD.customer_id) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'mrr_steps are added only';
END $$;
CREATE TRIGGER mrr_steps_stay BEFORE UPDATE OR DELETE ON mrr_steps FOR EACH ROW EXECUTE FUNCTION mrr_steps_stay();
CREATE TRIGGER mrr_steps_stay_all BEFORE TRUNCATE ON mrr_steps FOR EACH STATEMENT EXECUTE FUNCTION mrr_steps_stay();

ALTER TABLE mrr_movements RENAME TO former_movements;
ALTER INDEX mrr_movements_by_customer RENAME TO former_movements_by_customer;
ALTER TABLE former_movements RENAME CONSTRAINT mrr_movements_pkey TO former_movements_pkey;

-- D7, netted by day, customer, currency and policy. Only the end of a belief is written, once.
CREATE TABLE mrr_movements (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customers,
    currency    char(3) NOT NULL,
    policy      mrr_policy NOT NULL,
    day         date NOT NULL,
    kind        movement_kind NOT NULL,
    amount      bigint NOT NULL CONSTRAINT mrr_movements_move CHECK (amount > 0),
    mrr_before  bigint NOT NULL CONSTRAINT mrr_movements_before CHECK (mrr_before >= 0),
    mrr_after   bigint NOT NULL CONSTRAINT mrr_movements_after CHECK (mrr_after >= 0),
    event_id    text,
    run_id      bigint NOT NULL REFERENCES ledger_runs,
    believed    tstzrange NOT NULL CONSTRAINT mrr_movements_believed CHECK (NOT isempty(believed)),
    ended_run   bigint REFERENCES ledger_runs,
    CONSTRAINT mrr_movements_adds_up
        CHECK (mrr_after - mrr_before = CASE WHEN kind IN ('churn', 'contraction') THEN -amount ELSE amount END),
    CONSTRAINT mrr_movements_from_nothing CHECK ((kind IN ('new', 'reactivation')) = (mrr_before = 0)),
    CONSTRAINT mrr_movements_to_nothing CHECK ((kind = 'churn') = (mrr_after = 0)),
    CONSTRAINT mrr_movements_ended CHECK (upper_inf(believed) = (ended_run IS NULL))
);
CREATE UNIQUE INDEX mrr_movements_present ON mrr_movements (customer_id, currency, policy, day) WHERE upper_inf(believed);
CREATE UNIQUE INDEX mrr_movements_one_new ON mrr_movements (customer_id, currency, policy)
    WHERE upper_inf(believed) AND kind = 'new';
CREATE INDEX mrr_movements_by_day ON mrr_movements (policy, currency, day);

-- What was written until now stands as steps of no item, until a subscription's own events say more
-- (`onboarding ledger rebuild` asks all that are stored).
INSERT INTO ledger_runs (reason, code_version, finished_at)
SELECT 'carried', 1, clock_timestamp() WHERE EXISTS (SELECT FROM former_movements);
-- Where their order in time would make less than nothing, the last of them dates them all.
WITH levels AS (
    SELECT id, sum(amount) OVER (PARTITION BY customer_id, currency ORDER BY occurred_at) AS level,
           max(occurred_at) OVER (PARTITION BY customer_id, currency) AS newest
      FROM former_movements),
impossible AS (
    SELECT DISTINCT m.customer_id, m.currency FROM former_movements m JOIN levels USING (id) WHERE level < 0)
INSERT INTO mrr_steps (customer_id, subscription_id, item_id, price_id, currency, policy, at, delta, event_id, run_id,
                       believed_at)
SELECT m.customer_id, coalesce(s.stripe_subscription_id, 'sub_of_row_' || s.id), 'carried', '', m.currency, policy,
       CASE WHEN i.customer_id IS NULL THEN m.occurred_at ELSE newest END, m.amount, m.stripe_event_id, r.id,
       r.believed_at
  FROM former_movements m JOIN levels USING (id) JOIN subscriptions s ON s.id = m.subscription_id
  LEFT JOIN impossible i ON (i.customer_id, i.currency) = (m.customer_id, m.currency), ledger_runs r,
       unnest(enum_range(NULL::mrr_policy)) AS policy
 ORDER BY m.id;
INSERT INTO mrr_movements (customer_id, currency, policy, day, kind, amount, mrr_before, mrr_after, event_id, run_id,
                           believed)
SELECT customer_id, currency, policy, day,
       (CASE WHEN place = 1 THEN 'new' WHEN mrr_after = delta THEN 'reactivation' WHEN mrr_after = 0 THEN 'churn'
             WHEN delta > 0 THEN 'expansion' ELSE 'contraction' END)::movement_kind,
       abs(delta), mrr_after - delta, mrr_after, netted.event_id, r.id, tstzrange(r.believed_at, NULL)
  FROM ledger_runs r,
       (SELECT customer_id, currency, policy, day, delta, event_id,
               sum(delta) OVER line AS mrr_after, row_number() OVER line AS place
          FROM (SELECT customer_id, currency, policy, (at AT TIME ZONE 'UTC')::date AS day, sum(delta) AS delta,
                       (array_agg(event_id ORDER BY at DESC, id DESC))[1] AS event_id
                  FROM mrr_steps GROUP BY 1, 2, 3, 4 HAVING sum(delta) <> 0) AS days
        WINDOW line AS (PARTITION BY customer_id, currency, policy ORDER BY day)) AS netted;

DELETE FROM rollup_deltas WHERE metric LIKE 'mrr%';
DELETE FROM rollups WHERE metric LIKE 'mrr%';
DELETE FROM rollup_months WHERE metric LIKE 'mrr%';
DELETE FROM rollup_totals WHERE metric LIKE 'mrr%';
INSERT INTO rollup_deltas (metric, currency, day, amount)
SELECT metric, currency, day, sum(mrr_after - mrr_before)
  FROM mrr_movements, LATERAL (VALUES ('mrr'), ('mrr_' || kind)) AS counted (metric)
 WHERE policy = 'recurring' GROUP BY 1, 2, 3;

DROP TABLE former_movements;
