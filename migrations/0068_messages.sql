-- What the server has to say stands as a code with its parameters and English text; sentences from
-- before stay where they are and are shown as quotations.
ALTER TABLE tenants ADD COLUMN limits_message jsonb;
UPDATE tenants
   SET limits_message = jsonb_build_object(
           'code', 'failed',
           'parameters', jsonb_build_object('failure', split_part(limits_problem, ': ', 1)),
           'text', limits_problem)
 WHERE limits_problem ~ '^[a-z0-9_]+: ';

ALTER TABLE world_findings ADD COLUMN message jsonb;
ALTER TABLE world_findings ALTER COLUMN detail SET DEFAULT '';
ALTER TABLE billing_findings ADD COLUMN message jsonb;
ALTER TABLE billing_findings ALTER COLUMN detail SET DEFAULT '';
