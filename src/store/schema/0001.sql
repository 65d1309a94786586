-- Ids carry their parents, so that no index is needed to walk a run in input order:
--   item.id      = run.id << 32 | position      position: row, then model, then sample, from 0
--   input_row.id = run.id << 32 | row number    from 1
--   exchange.id  = item.id << 8 | step          step: the turn of a conversation, from 0
-- The views at the end take them apart again.

CREATE TABLE run (
    id             INTEGER PRIMARY KEY,
    job            TEXT    NOT NULL,
    job_file       TEXT    NOT NULL,
    job_identity   TEXT    NOT NULL,            -- what is asked, as canonical JSON
    job_description TEXT   NOT NULL,            -- the whole job without secrets, as JSON
    input          TEXT    NOT NULL,
    input_hash     BLOB    NOT NULL,            -- SHA-256 of the decompressed input
    mode           TEXT    NOT NULL,
    simulated      INTEGER NOT NULL,            -- 1: answered by the simulated gateway
    continues      INTEGER REFERENCES run (id), -- the run whose settled items it takes over
    row_count      INTEGER NOT NULL,
    item_count     INTEGER NOT NULL,
    started_at_ms  INTEGER NOT NULL,
    ended_at_ms    INTEGER,
    ended          TEXT,                        -- complete, or why it stopped
    keys_indexed   INTEGER NOT NULL DEFAULT 0,
    version        TEXT    NOT NULL             -- of nightreel
) STRICT;

CREATE INDEX run_job ON run (job, id);

CREATE TABLE lease (
    job             TEXT    PRIMARY KEY,
    host            TEXT    NOT NULL,
    boot            TEXT    NOT NULL,
    process_space   TEXT    NOT NULL,
    pid             INTEGER NOT NULL,
    process_started TEXT    NOT NULL,
    taken_at_ms     INTEGER NOT NULL,
    renewed_at_ms   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Texts that many rows share: models, providers, finish reasons.
CREATE TABLE name (
    id   INTEGER PRIMARY KEY,
    text TEXT    NOT NULL UNIQUE
) STRICT;

-- What small bodies are compressed with. A dictionary is never changed or deleted.
CREATE TABLE dictionary (
    id    INTEGER PRIMARY KEY,
    job   TEXT    NOT NULL,
    kind  TEXT    NOT NULL,
    bytes BLOB    NOT NULL
) STRICT;

-- Large bodies, each once.
CREATE TABLE body (
    id          INTEGER PRIMARY KEY,
    hash        BLOB    NOT NULL,               -- SHA-256 of the raw bytes
    hash_prefix INTEGER NOT NULL,               -- its first eight bytes
    bytes       BLOB    NOT NULL
) STRICT;

CREATE INDEX body_hash ON body (hash_prefix);

CREATE TABLE input_row (
    id     INTEGER PRIMARY KEY,
    row_id TEXT    NOT NULL,
    line   INTEGER NOT NULL,
    fields BLOB    NOT NULL                     -- packed JSON object
) STRICT;

CREATE TABLE item (
    id            INTEGER PRIMARY KEY,
    row_number    INTEGER NOT NULL,
    model         INTEGER NOT NULL REFERENCES name (id),
    sample        INTEGER NOT NULL,
    outcome       TEXT    NOT NULL,
    error         TEXT,
    settled_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE attempt (
    id                INTEGER PRIMARY KEY,
    exchange_id       INTEGER NOT NULL,
    settling          INTEGER NOT NULL,         -- 1: its exchange rests on it; 2: copied from a fixture
    number            INTEGER NOT NULL,
    sent_at_ms        INTEGER NOT NULL,
    queued_us         INTEGER NOT NULL,
    first_byte_us     INTEGER NOT NULL,
    total_us          INTEGER NOT NULL,
    class             TEXT    NOT NULL,
    status            INTEGER,                  -- HTTP; null where there was no reply
    ended             TEXT    NOT NULL,         -- complete, or how reply or send broke
    prompt_tokens     INTEGER,
    completion_tokens INTEGER,
    cost_usd          REAL,
    served_model      INTEGER REFERENCES name (id),
    provider          INTEGER REFERENCES name (id),
    finish_reason     INTEGER REFERENCES name (id),
    reply             BLOB    NOT NULL          -- packed: headers, chunks, raw body; or the fault
) STRICT;

CREATE INDEX attempt_not_settling ON attempt (exchange_id) WHERE settling = 0;

CREATE TABLE exchange (
    id         INTEGER PRIMARY KEY,
    key        BLOB    NOT NULL,                -- SHA-256 of the canonical request
    occurrence INTEGER NOT NULL,
    endpoint   INTEGER NOT NULL REFERENCES name (id),
    attempt_id INTEGER REFERENCES attempt (id), -- what settled it; of an earlier run where replayed
    request    BLOB    NOT NULL                 -- packed raw body
) STRICT;

-- Filled in key order when a run ends, or when another one needs it.
CREATE TABLE exchange_key (
    key_prefix  BLOB    NOT NULL,               -- the first eight bytes of the key
    exchange_id INTEGER NOT NULL,
    PRIMARY KEY (key_prefix, exchange_id)
) STRICT, WITHOUT ROWID;

-- For people. Bodies are packed: `nightreel show` and `nightreel export` give them as they were.

CREATE VIEW runs AS
SELECT id AS run, job, mode, simulated, row_count AS rows, item_count AS items,
       datetime(started_at_ms / 1000, 'unixepoch') AS started,
       datetime(ended_at_ms / 1000, 'unixepoch')   AS ended_at,
       coalesce(ended, 'running or killed')        AS ended, input
FROM run;

CREATE VIEW items AS
SELECT item.id >> 32 AS run, item.id & 0xffffffff AS position, input_row.row_id AS row_id,
       name.text AS model, item.sample, item.outcome, item.error,
       datetime(item.settled_at_ms / 1000, 'unixepoch') AS settled
FROM item
JOIN name ON name.id = item.model
LEFT JOIN input_row ON input_row.id = (item.id >> 32 << 32 | item.row_number);

CREATE VIEW attempts AS
SELECT exchange_id >> 40 AS run, exchange_id >> 8 & 0xffffffff AS position, exchange_id & 0xff AS step,
       number, settling, class, status, ended,
       datetime(sent_at_ms / 1000, 'unixepoch') AS sent,
       queued_us / 1000.0 AS queued_ms, first_byte_us / 1000.0 AS first_byte_ms, total_us / 1000.0 AS total_ms,
       prompt_tokens, completion_tokens, cost_usd,
       served.text AS served_model, provider.text AS provider, finish.text AS finish_reason
FROM attempt
LEFT JOIN name AS served   ON served.id   = attempt.served_model
LEFT JOIN name AS provider ON provider.id = attempt.provider
LEFT JOIN name AS finish   ON finish.id   = attempt.finish_reason;

CREATE VIEW exchanges AS
SELECT exchange.id >> 40 AS run, exchange.id >> 8 & 0xffffffff AS position, exchange.id & 0xff AS step,
       lower(hex(exchange.key)) AS key, exchange.occurrence, name.text AS endpoint,
       exchange.attempt_id IS NOT NULL AS settled,
       coalesce(attempt.exchange_id <> exchange.id OR attempt.settling = 2, 0) AS replayed
FROM exchange
JOIN name ON name.id = exchange.endpoint
LEFT JOIN attempt ON attempt.id = exchange.attempt_id;
