-- What a budget counts for requests of a run whose cost nobody knows, besides what their attempts and
-- what was lost say: added each time that more is known of what they may have cost.
CREATE TABLE budget_correction (
    id       INTEGER PRIMARY KEY,
    run      INTEGER NOT NULL REFERENCES run (id),
    usd      REAL    NOT NULL,
    requests INTEGER NOT NULL                    -- of those for which nothing was counted before
) STRICT;
CREATE INDEX budget_correction_run ON budget_correction (run);
