-- Tax rates are mirrored: invoices only name them, and an electronic invoice states their percentage.
ALTER TABLE stripe_objects DROP CONSTRAINT stripe_objects_kind;
ALTER TABLE stripe_objects ADD CONSTRAINT stripe_objects_kind CHECK (kind IN (
    'customer', 'price', 'coupon', 'tax_rate', 'subscription', 'invoice', 'invoiceitem', 'charge', 'payment_intent',
    'refund', 'credit_note', 'dispute', 'customer_balance_transaction', 'payment_method'));
