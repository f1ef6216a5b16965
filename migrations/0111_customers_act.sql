-- What a customer does on their own page is told as theirs.
ALTER TYPE activity_actor ADD VALUE 'customer';
