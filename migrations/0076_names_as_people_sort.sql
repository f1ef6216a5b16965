-- Names stand in the order that people know, Á beside A, whatever collation the database itself has.
DROP INDEX tenants_by_company, tenants_by_state_and_company, tenants_by_health_and_company, tenants_by_plan_and_company;
CREATE INDEX tenants_by_company ON tenants (lower(company) COLLATE "und-x-icu", id);
CREATE INDEX tenants_by_state_and_company ON tenants (state, lower(company) COLLATE "und-x-icu", id);
CREATE INDEX tenants_by_health_and_company ON tenants (health, lower(company) COLLATE "und-x-icu", id);
CREATE INDEX tenants_by_plan_and_company ON tenants (plan_id, lower(company) COLLATE "und-x-icu", id);
DROP INDEX staff_by_name;
CREATE INDEX staff_by_name ON staff (lower(name) COLLATE "und-x-icu", id) WHERE removed_at IS NULL;

-- What was taken for a zone once because a file has its name: reports could not be read any more.
UPDATE settings_groups SET content = content || '{"reporting_zone": "UTC"}', version = version + 1
 WHERE name = 'organisation' AND content ? 'reporting_zone'
   AND (content ->> 'reporting_zone' ~ '^(posix/|right/|localtime$|posixrules$|Factory$)'
        OR NOT EXISTS (SELECT FROM pg_timezone_names AS zone WHERE zone.name = content ->> 'reporting_zone'));
