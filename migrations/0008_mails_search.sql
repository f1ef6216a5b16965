-- Staff look mails up by recipient or subject.
CREATE INDEX mails_search ON mails USING gin (lower(recipient || ' ' || subject) gin_trgm_ops);
