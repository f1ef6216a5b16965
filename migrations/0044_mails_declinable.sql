-- A mail about something that its reader has not asked for says how to be spared more of them.
ALTER TABLE mails ADD COLUMN declinable boolean NOT NULL DEFAULT false;
