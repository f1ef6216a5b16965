-- Samples of usage are kept by the minute for two days, then by the hour for 90 days.
ALTER TABLE tenant_health ADD COLUMN is_hour boolean NOT NULL DEFAULT false;
DROP INDEX tenant_health_by_age;
CREATE INDEX tenant_health_by_age ON tenant_health (is_hour, "timestamp");
