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
