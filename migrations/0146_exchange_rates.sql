-- One of a currency in that of the reports, at the end of a month, as staff have told it (D11). What was
-- told before stays, so that a report as of a time counts by the rates of then: only when it ended is
-- written, once.
CREATE TABLE exchange_rates (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    to_currency char(3) NOT NULL CONSTRAINT exchange_rates_to CHECK (to_currency ~ '^[a-z]{3}$'),
    currency    char(3) NOT NULL CONSTRAINT exchange_rates_currency CHECK (currency ~ '^[a-z]{3}$'),
    month       date NOT NULL CONSTRAINT exchange_rates_month CHECK (extract(day FROM month) = 1),
    rate        numeric(18, 10) NOT NULL CONSTRAINT exchange_rates_rate CHECK (rate > 0),
    source      text NOT NULL,
    told_at     timestamptz NOT NULL,
    told_by     text NOT NULL,
    ended_at    timestamptz,
    CONSTRAINT exchange_rates_differ CHECK (currency <> to_currency),
    CONSTRAINT exchange_rates_ended CHECK (ended_at >= told_at)
);
CREATE UNIQUE INDEX exchange_rates_present ON exchange_rates (to_currency, currency, month) WHERE ended_at IS NULL;
CREATE INDEX exchange_rates_by_month ON exchange_rates (month, id) WHERE ended_at IS NULL;
