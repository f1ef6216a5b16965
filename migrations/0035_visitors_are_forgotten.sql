-- Where a visitor came from is needed while the sign-up is not paid, and a day longer.
CREATE INDEX signups_with_address ON signups (lease_until) WHERE address IS NOT NULL;
