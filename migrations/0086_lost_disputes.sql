-- A lost dispute takes its money from revenue, on the date when it was lost. That becomes known late, so what was counted stands
-- beside its date.
ALTER TABLE billing_disputes
    ADD COLUMN lost_at timestamptz,
    ADD COLUMN counted bigint NOT NULL DEFAULT 0;
CREATE INDEX billing_disputes_by_loss ON billing_disputes (lost_at) INCLUDE (currency, counted) WHERE lost_at IS NOT NULL;

WITH lost AS (
    UPDATE billing_disputes
       SET lost_at = coalesce(closed_at, created_at),
           counted = CASE WHEN stripe_invoice_id IS NULL THEN 0 ELSE amount END
     WHERE status = 'lost'
    RETURNING currency, lost_at, counted)
INSERT INTO rollup_deltas (metric, currency, day, amount)
SELECT 'revenue', currency, (lost_at AT TIME ZONE 'UTC')::date, -sum(counted)
  FROM lost GROUP BY 2, 3 HAVING sum(counted) <> 0;
