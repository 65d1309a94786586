-- Whether a price table says what an attempt cost, since its reply does not: 1 where it does.
ALTER TABLE attempt ADD COLUMN by_price INTEGER;

-- The model whose price has proved too low; null where it is known of no model.
ALTER TABLE budget_correction ADD COLUMN model INTEGER REFERENCES name (id);

DROP VIEW attempts;

CREATE VIEW attempts AS
SELECT exchange_id >> 40 AS run, exchange_id >> 8 & 0xffffffff AS position, exchange_id & 0xff AS step,
       number, settling, class, status, ended,
       datetime(sent_at_ms / 1000, 'unixepoch') AS sent,
       queued_us / 1000.0 AS queued_ms, first_byte_us / 1000.0 AS first_byte_ms, total_us / 1000.0 AS total_ms,
       prompt_tokens, completion_tokens, cost_usd, by_price, assumed_cost_usd,
       served.text AS served_model, provider.text AS provider, finish.text AS finish_reason
FROM attempt
LEFT JOIN name AS served   ON served.id   = attempt.served_model
LEFT JOIN name AS provider ON provider.id = attempt.provider
LEFT JOIN name AS finish   ON finish.id   = attempt.finish_reason;

-- A 403 that no moderation is the cause of may be the account's matter.
UPDATE exchange_key SET stands = 0
WHERE stands = 1 AND attempt_id IN (SELECT id FROM attempt WHERE class = 'rejected' AND status = 403);
