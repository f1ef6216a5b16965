-- Acting on security events: what was seen how often, addresses that are kept out, the switches of
-- an incident, and the organisation's working hours.

ALTER TABLE security_events
    ADD COLUMN api_key_id   bigint,
    -- While an event with this key is open, the same incident is counted there.
    ADD COLUMN dedupe_key   text,
    ADD COLUMN occurrences  bigint NOT NULL DEFAULT 1,
    ADD COLUMN last_seen_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN close_reason text;
CREATE UNIQUE INDEX security_events_open_once ON security_events (kind, dedupe_key)
    WHERE closed_at IS NULL AND dedupe_key IS NOT NULL;

CREATE TABLE blocked_addresses (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    address    text NOT NULL UNIQUE,  -- one address, or a block as CIDR
    reason     text NOT NULL,
    event_id   bigint REFERENCES security_events,
    blocked_by bigint REFERENCES staff,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);

CREATE TABLE incident_switches (
    name       text PRIMARY KEY CONSTRAINT incident_switches_known CHECK (name = 'read_only'),
    on_since   timestamptz,  -- NULL: off
    reason     text,
    changed_by bigint REFERENCES staff
);
INSERT INTO incident_switches (name) VALUES ('read_only');

CREATE TABLE security_settings (
    one          boolean PRIMARY KEY DEFAULT true CONSTRAINT security_settings_one_row CHECK (one),
    time_zone    text NOT NULL DEFAULT 'UTC',
    opens_hour   smallint NOT NULL DEFAULT 7,
    closes_hour  smallint NOT NULL DEFAULT 20,
    working_days smallint[] NOT NULL DEFAULT '{1,2,3,4,5}',  -- 1 is Monday
    CONSTRAINT security_settings_hours CHECK (0 <= opens_hour AND opens_hour < closes_hour
                                              AND closes_hour <= 24)
);
INSERT INTO security_settings DEFAULT VALUES;

-- The network that an address is in: /16 of IPv4, /32 of IPv6; what is no address stays as it is.
CREATE FUNCTION address_block(address text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
    parsed inet;
BEGIN
    parsed := address::inet;
    RETURN network(set_masklen(parsed, CASE family(parsed) WHEN 4 THEN 16 ELSE 32 END))::text;
EXCEPTION WHEN invalid_text_representation THEN
    RETURN address;
END $$;

-- From which networks a key was used, and since when: noted with its last use.
CREATE TABLE api_key_networks (
    api_key_id    bigint NOT NULL REFERENCES api_keys ON DELETE CASCADE,
    network       text NOT NULL,
    address       text NOT NULL,  -- the first one there
    first_seen_at timestamptz NOT NULL,
    PRIMARY KEY (api_key_id, network)
);
CREATE INDEX api_key_networks_newest ON api_key_networks (first_seen_at);
CREATE FUNCTION note_api_key_network() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO api_key_networks (api_key_id, network, address, first_seen_at)
    VALUES (NEW.id, address_block(NEW.last_used_address), NEW.last_used_address,
            coalesce(NEW.last_used_at, now()))
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER api_keys_note_network AFTER UPDATE OF last_used_address ON api_keys FOR EACH ROW
    WHEN (NEW.last_used_address IS NOT NULL) EXECUTE FUNCTION note_api_key_network();

-- Whether a moment lies outside the organisation's working hours, as its clocks show it.
CREATE FUNCTION is_off_hours(at timestamptz, settings security_settings) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT NOT (extract(isodow FROM at AT TIME ZONE settings.time_zone)::smallint
                    = ANY (settings.working_days)
                AND extract(hour FROM at AT TIME ZONE settings.time_zone) >= settings.opens_hour
                AND extract(hour FROM at AT TIME ZONE settings.time_zone) < settings.closes_hour)
$$;
