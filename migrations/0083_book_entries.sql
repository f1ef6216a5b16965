-- Cash, receivables, what was invoiced, dunning and revenue: entries that follow from an invoice and all that
-- belongs to it. What was believed before is never overwritten.
CREATE TABLE book_entries (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id   bigint NOT NULL REFERENCES customers,
    -- Stripe's id of the invoice, or of the invoice item of a proration, which earns before it is invoiced.
    document      text NOT NULL,
    -- What of it: a line, a payment, a credit note, a refund, a dispute.
    part          text NOT NULL,
    book          text NOT NULL CONSTRAINT book_entries_book CHECK (book IN (
        'cash', 'receivable', 'invoiced', 'dunning', 'revenue')),
    kind          text NOT NULL,
    currency      char(3) NOT NULL,
    -- When it happened; of revenue: when it was booked.
    at            timestamptz NOT NULL,
    amount        bigint NOT NULL CONSTRAINT book_entries_amount CHECK (amount <> 0),
    -- Of revenue: what it is earned over; an empty one is earned when it is booked.
    service_start timestamptz,
    service_end   timestamptz,
    -- Of a mirror: the line that it takes back, or the invoice item.
    reverses      text CONSTRAINT book_entries_reverses CHECK (
        reverses IS NULL OR (reverses <> '' AND book = 'revenue')),
    event_id      text,
    run_id        bigint NOT NULL REFERENCES ledger_runs,
    believed_at   timestamptz NOT NULL,
    -- A wrong entry gets its opposite, once.
    undoes        bigint UNIQUE REFERENCES book_entries,
    CONSTRAINT book_entries_service CHECK (
        (book = 'revenue') = (service_start IS NOT NULL) AND (book = 'revenue') = (service_end IS NOT NULL)),
    CONSTRAINT book_entries_kind CHECK (CASE book
        WHEN 'cash' THEN kind IN ('payment', 'other', 'refund', 'refund_failed', 'dispute_lost')
        WHEN 'receivable' THEN kind IN ('finalised', 'payment', 'other', 'credit_note', 'credit_note_voided', 'voided',
                                        'uncollectible', 'uncollectible_paid', 'settled')
        WHEN 'invoiced' THEN kind = 'finalised'
        WHEN 'dunning' THEN kind IN ('failed', 'recovered')
        ELSE kind IN ('line', 'proration')
          OR reverses IS NOT NULL AND kind IN ('credit_note', 'credit_note_voided', 'refund', 'refund_failed', 'voided',
                                               'uncollectible', 'uncollectible_paid', 'dispute_lost', 'deleted')
        END),
    CONSTRAINT book_entries_line CHECK (kind NOT IN ('line', 'proration') OR reverses IS NULL)
);
CREATE INDEX book_entries_by_document ON book_entries (document);
CREATE INDEX book_entries_by_customer ON book_entries (customer_id);
-- Sums over time, as they were believed when.
CREATE INDEX book_entries_by_time ON book_entries (book, currency, at) INCLUDE (kind, amount, believed_at);
-- What is still to be earned: the rest of revenue says nothing about later periods.
CREATE INDEX book_entries_by_end ON book_entries (currency, greatest(at, service_end)) WHERE book = 'revenue';
CREATE INDEX book_entries_by_belief ON book_entries (believed_at);

CREATE FUNCTION book_entries_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND (SELECT is_demo FROM customers WHERE id = OLD.customer_id) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'book_entries are added only';
END $$;
CREATE TRIGGER book_entries_stay BEFORE UPDATE OR DELETE ON book_entries
    FOR EACH ROW EXECUTE FUNCTION book_entries_stay();
CREATE TRIGGER book_entries_stay_all BEFORE TRUNCATE ON book_entries
    FOR EACH STATEMENT EXECUTE FUNCTION book_entries_stay();
