-- Requests that were sent and whose outcome is not kept: a row for each process that carries a run
-- out and has some. What stands here of a process that has ended, nobody knows the outcome of.
CREATE TABLE in_flight (
    run            INTEGER NOT NULL,
    taken_at_ms    INTEGER NOT NULL,            -- when the process took the lease of the job
    pid            INTEGER NOT NULL,
    requests       INTEGER NOT NULL,
    worst_cost_usd REAL    NOT NULL,            -- what they may cost, of those for which a budget knew it
    unpriced       INTEGER NOT NULL,            -- how many the others are
    PRIMARY KEY (run, taken_at_ms, pid)
) STRICT, WITHOUT ROWID;
