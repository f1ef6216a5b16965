-- Who was about to cancel and took less for some months instead: once for each subscription, with the terms that were shown.
CREATE TABLE portal_stay_offers (
    stripe_subscription_id text PRIMARY KEY,
    taken_at               timestamptz NOT NULL,
    percent_off            integer NOT NULL CONSTRAINT portal_stay_offers_percent CHECK (percent_off BETWEEN 1 AND 100),
    months                 integer NOT NULL CONSTRAINT portal_stay_offers_months CHECK (months BETWEEN 1 AND 12)
);

-- Those that ended so many days ago are found without a look at all others.
CREATE INDEX subscriptions_by_end ON subscriptions (ended_at) WHERE ended_at IS NOT NULL;
