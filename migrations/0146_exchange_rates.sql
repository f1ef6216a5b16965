-- One of a currency in that of the reports, at the end of a month, as staff have told it (D11).
CREATE TABLE exchange_rates (
    to_currency char(3) NOT NULL CONSTRAINT exchange_rates_to CHECK (to_currency ~ '^[a-z]{3}$'),
    currency    char(3) NOT NULL CONSTRAINT exchange_rates_currency CHECK (currency ~ '^[a-z]{3}$'),
    month       date NOT NULL CONSTRAINT exchange_rates_month CHECK (extract(day FROM month) = 1),
    rate        numeric(18, 10) NOT NULL CONSTRAINT exchange_rates_rate CHECK (rate > 0),
    source      text NOT NULL,
    id          bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    changed_at  timestamptz NOT NULL,
    changed_by  text NOT NULL,
    PRIMARY KEY (to_currency, currency, month),
    CONSTRAINT exchange_rates_differ CHECK (currency <> to_currency)
);
CREATE INDEX exchange_rates_by_month ON exchange_rates (month, id);
