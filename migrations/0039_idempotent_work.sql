-- What a request with a key has made before it came to an answer, so that its next try goes on with
-- that instead of making another one.
ALTER TABLE idempotency_keys ADD COLUMN work text;
