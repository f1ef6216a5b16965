-- What each node found when it last tried what lies outside the program. A row is written again at
-- every try; those of a node that is gone are removed by the others after a day.
CREATE TABLE readiness (
    node        text NOT NULL,
    name        text NOT NULL,
    setting     text NOT NULL,
    building    boolean NOT NULL,  -- while it fails, this node builds no tenant
    failed      boolean NOT NULL,
    detail      text NOT NULL DEFAULT '',
    advice      text NOT NULL DEFAULT '',
    since       timestamptz NOT NULL,
    checked_at  timestamptz NOT NULL,
    PRIMARY KEY (node, name)
);
