-- One more event costs the same however much there was before of a customer, and a rebuild reads what it needs at once.

-- Those that wait are worked off with the first of their object.
CREATE INDEX stripe_events_waiting ON stripe_events (object_id) WHERE state = 'received';
-- When invoices failed first.
CREATE INDEX stripe_events_failures ON stripe_events (object_id, created) WHERE type = 'invoice.payment_failed';

-- What a subscription brings in is the sum of its steps; the movements of a day and those after it.
CREATE INDEX mrr_steps_recurring ON mrr_steps (subscription_id, at) INCLUDE (delta) WHERE policy = 'recurring';
CREATE INDEX mrr_movements_by_customer ON mrr_movements (customer_id, day) WHERE upper_inf(believed);

-- Which invoice an item went to only the invoice says. Written at once: a list of what is not indexed yet would be read
-- at each question.
CREATE FUNCTION invoice_items_of(invoice jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN jsonb_path_query_array(invoice, '$.lines.data[*].parent.*.invoice_item ? (@.type() == "string")')
    || jsonb_path_query_array(invoice, '$.lines.data[*].invoice_item ? (@.type() == "string")');
CREATE INDEX stripe_objects_by_item ON stripe_objects USING gin (invoice_items_of(state)) WITH (fastupdate = off)
    WHERE kind = 'invoice' AND invoice_items_of(state) <> '[]';
-- What came of a payment, and what nobody knows the invoice of.
CREATE INDEX stripe_objects_by_charge ON stripe_objects ((state ->> 'charge')) WHERE kind IN ('refund', 'dispute');
CREATE INDEX stripe_objects_by_payment ON stripe_objects ((state ->> 'payment_intent'))
    WHERE belongs_to IS NULL AND kind IN ('charge', 'refund', 'dispute');
