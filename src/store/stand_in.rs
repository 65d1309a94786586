//! Stand-ins for what stores of older versions lack, so that one that may not be changed can be
//! read as it is, for ever.

use rusqlite::Connection;

use super::StoreError;

/// For each version but the newest, what makes a connection see a store of it as one of the next
/// version: views and tables of the connection's own, which come before the store's by name.
const STAND_INS: [&str; 5] = [
    // What 0002.sql adds.
    "CREATE TEMP VIEW attempt AS SELECT *, NULL AS assumed_cost_usd, NULL AS by_price FROM main.attempt; \
     CREATE TEMP TABLE limit_change (id, run, lane, at_ms, what, was, now, reason);",
    // What 0003.sql adds.
    "CREATE TEMP VIEW exchange AS SELECT *, NULL AS session FROM main.exchange; \
     CREATE TEMP VIEW exchange_key AS \
     SELECT k.key_prefix, k.exchange_id, e.key, e.attempt_id, e.occurrence, NULL AS session, \
     a.class NOT IN ('quota_exhausted', 'unauthorized', 'out_of_credit', 'misconfigured', 'not_connected') \
     AND a.ended <> 'given_up' AND NOT (a.class = 'rejected' AND a.status IS 403) AS stands \
     FROM main.exchange_key k JOIN main.exchange e ON e.id = k.exchange_id JOIN main.attempt a ON a.id = e.attempt_id;",
    // What 0004.sql adds.
    "CREATE TEMP TABLE in_flight (run, taken_at_ms, pid, requests, worst_cost_usd, unpriced);",
    // What 0005.sql adds.
    "CREATE TEMP TABLE budget_correction (id, run, usd, requests, model);",
    // What 0006.sql adds, where nothing above has.
    "CREATE TEMP VIEW IF NOT EXISTS attempt AS SELECT *, NULL AS by_price FROM main.attempt; \
     CREATE TEMP VIEW IF NOT EXISTS budget_correction AS SELECT *, NULL AS model FROM main.budget_correction;",
];

/// Lets a connection read a store of an older version by the newest version's names.
pub(super) fn stand_in(connection: &Connection) -> Result<(), StoreError> {
    let version: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let behind = usize::try_from(version).unwrap_or(0).saturating_sub(1);
    for stand_in in STAND_INS.iter().skip(behind) {
        connection.execute_batch(stand_in)?;
    }
    Ok(())
}
