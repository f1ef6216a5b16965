-- Row numbers come again after an older database was restored; this never does.
ALTER TABLE signups
    ADD COLUMN stripe_key uuid NOT NULL DEFAULT gen_random_uuid(),
    ADD COLUMN return_begun_at timestamptz;
COMMENT ON COLUMN signups.return_begun_at IS 'from here on what was paid goes back, and nothing is built';
