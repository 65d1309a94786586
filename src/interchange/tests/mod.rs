//! Recordings of every format, and what becomes of them.
