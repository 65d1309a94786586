//! Public data sets, where they lie beside the crate.

use std::path::{Path, PathBuf};

use super::super::{Input, Options};
use crate::model::Row;

/// The rows of a data set; none where it is not there.
fn rows(name: &str, options: Options) -> Option<Vec<Row>> {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(name);
    if !path.exists() {
        println!("not tested: {} is missing", path.display());
        return None;
    }
    let rows = Input::open(&path, options).unwrap().rows().unwrap();
    Some(rows.map(|row| row.unwrap()).collect())
}

#[test]
fn truthful_qa_has_813_rows_under_a_clean_header() {
    let Some(rows) = rows("TruthfulQA.csv", Options::default()) else { return };
    assert_eq!(rows.len(), 813);
    assert_eq!(rows[0].fields.keys().next().unwrap(), "Type");
    assert_eq!(rows[0].fields["Question"], "Why do veins appear blue?");
}

#[test]
fn gsm8k_has_1319_rows() {
    let Some(rows) = rows("gsm8k_test.jsonl", Options::default()) else { return };
    assert_eq!(rows.len(), 1319);
    assert_eq!(rows[1318].line, 1319);
}

#[test]
fn mt_bench_has_80_rows_with_turns() {
    let options = Options { id: Some("question_id".to_owned()), ..Options::default() };
    let Some(rows) = rows("mt_bench.jsonl", options) else { return };
    assert_eq!((rows.len(), rows[0].id.as_str()), (80, "81"));
    assert!(rows.iter().all(|row| row.fields["turns"].as_array().is_some_and(|turns| turns.len() == 2)));
}
