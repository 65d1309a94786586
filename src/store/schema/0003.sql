-- The session that a request was asked in, where a server recorded it; null in a run of a job.
ALTER TABLE exchange ADD COLUMN session INTEGER REFERENCES name (id);

DROP VIEW exchanges;

CREATE VIEW exchanges AS
SELECT exchange.id >> 40 AS run, exchange.id >> 8 & 0xffffffff AS position, exchange.id & 0xff AS step,
       lower(hex(exchange.key)) AS key, session.text AS session, exchange.occurrence, name.text AS endpoint,
       exchange.attempt_id IS NOT NULL AS settled,
       coalesce(attempt.exchange_id <> exchange.id OR attempt.settling = 2, 0) AS replayed
FROM exchange
JOIN name ON name.id = exchange.endpoint
LEFT JOIN name AS session ON session.id = exchange.session
LEFT JOIN attempt ON attempt.id = exchange.attempt_id;

-- What a server asks for first, in one place: it needs neither exchange nor attempt to know which
-- recording answers.
CREATE TABLE new_exchange_key (
    key_prefix  BLOB    NOT NULL,               -- the first eight bytes of the key
    exchange_id INTEGER NOT NULL,
    key         BLOB    NOT NULL,
    attempt_id  INTEGER NOT NULL,               -- what settled it
    occurrence  INTEGER NOT NULL,
    session     INTEGER REFERENCES name (id),
    stands      INTEGER NOT NULL,               -- 1: neither the account nor whoever asked was the cause of it
    PRIMARY KEY (key_prefix, exchange_id)
) STRICT, WITHOUT ROWID;

INSERT INTO new_exchange_key
SELECT k.key_prefix, e.id, e.key, a.id, e.occurrence, NULL,
       a.class NOT IN ('quota_exhausted', 'unauthorized', 'out_of_credit', 'misconfigured', 'not_connected')
       AND a.ended <> 'given_up'
FROM exchange_key k JOIN exchange e ON e.id = k.exchange_id JOIN attempt a ON a.id = e.attempt_id
ORDER BY 1, 2;

DROP TABLE exchange_key;

ALTER TABLE new_exchange_key RENAME TO exchange_key;
