-- What a budget counts for an attempt whose cost nobody knows; null where the cost is known, and
-- where no budget held anything back for it.
ALTER TABLE attempt ADD COLUMN assumed_cost_usd REAL;

-- What became of a run's limits while it ran, each change with its reason.
CREATE TABLE limit_change (
    id     INTEGER PRIMARY KEY,
    run    INTEGER NOT NULL,
    lane   INTEGER REFERENCES name (id),        -- the model; null: the whole run
    at_ms  INTEGER NOT NULL,
    what   TEXT    NOT NULL,                    -- in_flight, requests_per_minute, tokens_per_minute, budget_usd, paused
    was    REAL,                                -- null: no limit
    now    REAL,                                -- null: no limit
    reason TEXT    NOT NULL
) STRICT;

CREATE INDEX limit_change_run ON limit_change (run);

CREATE VIEW limit_changes AS
SELECT limit_change.run, name.text AS lane, datetime(at_ms / 1000, 'unixepoch') AS at, what, was, now, reason
FROM limit_change
LEFT JOIN name ON name.id = limit_change.lane;

DROP VIEW attempts;

CREATE VIEW attempts AS
SELECT exchange_id >> 40 AS run, exchange_id >> 8 & 0xffffffff AS position, exchange_id & 0xff AS step,
       number, settling, class, status, ended,
       datetime(sent_at_ms / 1000, 'unixepoch') AS sent,
       queued_us / 1000.0 AS queued_ms, first_byte_us / 1000.0 AS first_byte_ms, total_us / 1000.0 AS total_ms,
       prompt_tokens, completion_tokens, cost_usd, assumed_cost_usd,
       served.text AS served_model, provider.text AS provider, finish.text AS finish_reason
FROM attempt
LEFT JOIN name AS served   ON served.id   = attempt.served_model
LEFT JOIN name AS provider ON provider.id = attempt.provider
LEFT JOIN name AS finish   ON finish.id   = attempt.finish_reason;
