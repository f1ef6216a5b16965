-- A machine speaks to itself as 127.0.0.1 or as ::1; that is one network, not two.
CREATE OR REPLACE FUNCTION address_block(address text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
    parsed inet;
BEGIN
    parsed := address::inet;
    -- IPv4 in IPv6's clothes.
    IF parsed << inet '::ffff:0:0/96' THEN
        parsed := ('0.0.0.0'::inet + (parsed - inet '::ffff:0:0'));
    END IF;
    IF parsed <<= inet '127.0.0.0/8' OR parsed = inet '::1' THEN
        RETURN '127.0.0.0/8';
    END IF;
    RETURN network(set_masklen(parsed, CASE family(parsed) WHEN 4 THEN 16 ELSE 32 END))::text;
EXCEPTION WHEN invalid_text_representation THEN
    RETURN address;
END $$;

-- What keys were used from before, by the same rule.
INSERT INTO api_key_networks (api_key_id, network, address, first_seen_at)
SELECT DISTINCT ON (api_key_id) api_key_id, address_block(address), address, first_seen_at
  FROM api_key_networks
 WHERE address_block(address) = '127.0.0.0/8'
 ORDER BY api_key_id, first_seen_at
ON CONFLICT DO NOTHING;
DELETE FROM api_key_networks
 WHERE address_block(address) = '127.0.0.0/8' AND network <> '127.0.0.0/8';
