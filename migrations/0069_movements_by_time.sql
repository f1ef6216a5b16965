-- Reports in a zone of their own count whole days from roll-ups and the hours around midnight from
-- the movements themselves.
CREATE INDEX mrr_movements_by_time ON mrr_movements (currency, occurred_at) INCLUDE (kind, amount);
