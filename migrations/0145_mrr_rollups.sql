-- What reports answer from, so that their cost is that of months and not of customers: movements of
-- each day, movements netted from the beginning of a week or a month on, movements by cohort. All are
-- sums over customers of what stands in mrr_movements, added to in its transaction.

-- 'day': what each day changed (its anchor is the day's month). 'week', 'month': how customers stand
-- against the beginning of the anchor, so that the sum of the days up to any other is D8 for the time
-- between; of a month that goes on for a year, of a week until it ends. What is left of a week where a
-- month begins is one as well. 'cohort': what each day changed, by the month in which its customers
-- came.
CREATE TYPE mrr_span AS ENUM ('day', 'week', 'month', 'cohort');

CREATE TABLE mrr_rollup_deltas (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    policy    mrr_policy NOT NULL,
    currency  char(3) NOT NULL,
    span      mrr_span NOT NULL,
    anchor    date NOT NULL,
    day       date NOT NULL,
    kind      movement_kind NOT NULL,
    amount    bigint NOT NULL,
    customers bigint NOT NULL
);

CREATE TABLE mrr_rollup_days (
    policy    mrr_policy NOT NULL,
    currency  char(3) NOT NULL,
    span      mrr_span NOT NULL,
    anchor    date NOT NULL,
    day       date NOT NULL,
    kind      movement_kind NOT NULL,
    amount    bigint NOT NULL,
    customers bigint NOT NULL,
    PRIMARY KEY (policy, currency, span, anchor, day, kind)
);
-- Months are read whole, but for the present one: days of those that are long over go.
CREATE INDEX mrr_rollup_days_over ON mrr_rollup_days (day) WHERE span IN ('month', 'cohort');

CREATE TABLE mrr_rollup_months (
    policy    mrr_policy NOT NULL,
    currency  char(3) NOT NULL,
    span      mrr_span NOT NULL,
    anchor    date NOT NULL,
    month     date NOT NULL CONSTRAINT mrr_rollup_months_first_day CHECK (extract(day FROM month) = 1),
    kind      movement_kind NOT NULL,
    amount    bigint NOT NULL,
    customers bigint NOT NULL,
    PRIMARY KEY (policy, currency, span, anchor, month, kind)
);

CREATE FUNCTION fold_mrr_rollups() RETURNS bigint LANGUAGE sql AS $$
    WITH taken AS (
        DELETE FROM mrr_rollup_deltas
         WHERE id IN (SELECT id FROM mrr_rollup_deltas ORDER BY id LIMIT 50000 FOR UPDATE SKIP LOCKED)
        RETURNING *),
    days AS (
        INSERT INTO mrr_rollup_days AS d
        SELECT policy, currency, span, anchor, day, kind, sum(amount), sum(customers) FROM taken
         GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6
        ON CONFLICT (policy, currency, span, anchor, day, kind)
        DO UPDATE SET amount = d.amount + excluded.amount, customers = d.customers + excluded.customers
        RETURNING 1),
    months AS (
        INSERT INTO mrr_rollup_months AS m
        SELECT policy, currency, span, anchor, date_trunc('month', day::timestamp)::date, kind, sum(amount),
               sum(customers)
          FROM taken GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6
        ON CONFLICT (policy, currency, span, anchor, month, kind)
        DO UPDATE SET amount = m.amount + excluded.amount, customers = m.customers + excluded.customers
        RETURNING 1)
    SELECT (SELECT count(*) FROM taken) + 0 * ((SELECT count(*) FROM days) + (SELECT count(*) FROM months))
$$;

-- All of it out of the movements that stand. A customer is new where no day, week or month before had
-- ended with revenue.
CREATE VIEW mrr_rollups_due AS
WITH standing AS (
    SELECT *, lead(day) OVER line AS next_day, coalesce(lag(mrr_after) OVER line, 0) AS held
      FROM mrr_movements WHERE upper_inf(believed)
    WINDOW line AS (PARTITION BY customer_id, currency, policy ORDER BY day)),
lines AS (
    SELECT customer_id, currency, policy, min(day) AS came,
           min(day) FILTER (WHERE mrr_after > 0 AND coalesce(next_day, 'infinity')
                                  >= date_trunc('week', day::timestamp) + interval '1 week') AS in_week,
           min(day) FILTER (WHERE mrr_after > 0 AND coalesce(next_day, 'infinity')
                                  >= date_trunc('month', day::timestamp) + interval '1 month') AS in_month
      FROM standing GROUP BY 1, 2, 3),
anchored AS (
    SELECT s.*, 'week'::mrr_span AS span, date_trunc('week', day::timestamp)::date AS anchor, in_week AS came
      FROM standing AS s JOIN lines USING (customer_id, currency, policy)
    UNION ALL
    SELECT s.*, 'week', date_trunc('month', day::timestamp)::date, in_week
      FROM standing AS s JOIN lines USING (customer_id, currency, policy)
     WHERE date_trunc('month', day::timestamp) > date_trunc('week', day::timestamp)
    UNION ALL
    SELECT s.*, 'month', anchor::date, in_month
      FROM standing AS s JOIN lines USING (customer_id, currency, policy),
           generate_series(date_trunc('month', day::timestamp) - interval '11 months',
                           date_trunc('month', day::timestamp), interval '1 month') AS anchor),
based AS (
    SELECT a.*, coalesce((SELECT mrr_after FROM mrr_movements AS m
                           WHERE (m.customer_id, m.currency, m.policy) = (a.customer_id, a.currency, a.policy)
                             AND upper_inf(m.believed) AND m.day < a.anchor
                           ORDER BY m.day DESC LIMIT 1), 0) AS base
      FROM anchored AS a),
parts AS (
    SELECT policy, currency, span, anchor, day,
           (CASE WHEN base = 0 AND coalesce(came, 'infinity') >= anchor THEN 'new' WHEN base = 0 THEN 'reactivation'
                 WHEN level = 0 THEN 'churn' WHEN level > base THEN 'expansion' ELSE 'contraction' END)
           ::movement_kind AS kind,
           sign * abs(level - base) AS amount, sign AS customers
      FROM based, LATERAL (VALUES (-1, held), (1, mrr_after)) AS end_of (sign, level)
     WHERE level <> base
    UNION ALL
    SELECT policy, currency, 'day', date_trunc('month', day::timestamp)::date, day, kind, amount, 1
      FROM standing
    UNION ALL
    SELECT policy, currency, 'cohort', date_trunc('month', came::timestamp)::date, day, kind, amount, 1
      FROM standing JOIN lines USING (customer_id, currency, policy))
SELECT policy, currency, span, anchor, day, kind, sum(amount)::bigint AS amount, sum(customers)::bigint AS customers
  FROM parts GROUP BY 1, 2, 3, 4, 5, 6 HAVING sum(amount) <> 0 OR sum(customers) <> 0;

-- Makes them anew. Who writes the books waits meanwhile.
CREATE FUNCTION make_mrr_rollups() RETURNS void LANGUAGE sql AS $$
    LOCK TABLE mrr_rollup_deltas IN ACCESS EXCLUSIVE MODE;
    DELETE FROM mrr_rollup_deltas;
    DELETE FROM mrr_rollup_days;
    DELETE FROM mrr_rollup_months;
    INSERT INTO mrr_rollup_days (policy, currency, span, anchor, day, kind, amount, customers)
    SELECT policy, currency, span, anchor, day, kind, amount, customers FROM mrr_rollups_due;
    INSERT INTO mrr_rollup_months (policy, currency, span, anchor, month, kind, amount, customers)
    SELECT policy, currency, span, anchor, date_trunc('month', day::timestamp)::date, kind, sum(amount), sum(customers)
      FROM mrr_rollup_days GROUP BY 1, 2, 3, 4, 5, 6;
$$;
SELECT make_mrr_rollups();

-- What is still to come today is taken off each answer.
CREATE INDEX mrr_steps_ahead ON mrr_steps (policy, currency, at);
-- The list of movements, up to the day that an instant had in the zone whose days they were by then.
CREATE INDEX mrr_movements_listed ON mrr_movements (day, id);
CREATE FUNCTION mrr_day_of(at timestamptz) RETURNS date LANGUAGE sql STABLE AS $$
    SELECT (at AT TIME ZONE coalesce((SELECT zone FROM ledger_runs WHERE zone IS NOT NULL AND finished_at <= at
                                       ORDER BY id DESC LIMIT 1), 'UTC'))::date
$$;
