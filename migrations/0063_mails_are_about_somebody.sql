-- What becomes of a mail is told in the activity of the customer and the tenant that it is about;
-- none: of staff and of people who are no customers.
ALTER TABLE mails
    ADD customer_id bigint REFERENCES customers ON DELETE SET NULL,
    ADD tenant_id   bigint REFERENCES tenants ON DELETE SET NULL;
-- For whoever deletes one of those.
CREATE INDEX mails_by_customer ON mails (customer_id) WHERE customer_id IS NOT NULL;
CREATE INDEX mails_by_tenant ON mails (tenant_id) WHERE tenant_id IS NOT NULL;
-- Only where the address leaves no doubt; its staff's mails are not about a customer of that address.
UPDATE mails SET customer_id = c.id
  FROM (SELECT lower(email) AS email, min(id) AS id FROM customers
         GROUP BY lower(email) HAVING count(*) = 1) AS c
 WHERE lower(recipient) = c.email
   AND NOT EXISTS (SELECT 1 FROM staff WHERE staff.email = c.email);
