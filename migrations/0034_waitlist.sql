-- Who wants to be told when there is a place again. A row goes when its mail is sent.
CREATE TABLE waitlist (
    email      text PRIMARY KEY,
    locale     text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX waitlist_by_age ON waitlist (created_at);
