//! Whether results can be put where they are wanted: known before anything is paid for.

use std::path::Path;

use anyhow::anyhow;
use nightreel::engine::{ExportError, Output};

use super::exit::Failure;
use super::plan::Plan;

/// Makes sure that results can be written, and take the place of nothing that they come from.
pub(crate) fn check_place(output: &Output, sources: &[(&str, &Path)]) -> Result<(), Failure> {
    let Output::File(path) = output else { return Ok(()) };
    for (what, source) in sources {
        if let (Ok(place), Ok(taken)) = (path.canonicalize(), source.canonicalize())
            && place == taken
        {
            let path = path.display();
            return Err(Failure::usage(anyhow!("{path} is {what} itself; name another file with --output")));
        }
    }
    output.check().map_err(|error| ExportError::output(output, error).into())
}

/// Makes sure that the results of a plan can be written.
pub(crate) fn check_target(output: Option<&Output>, plan: &Plan, store: &Path) -> Result<(), Failure> {
    let sources =
        [("the input", plan.job.input.path.as_path()), ("the job file", &plan.job.path), ("the store", store)];
    output.map_or(Ok(()), |output| check_place(output, &sources))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_take_the_place_of_nothing_that_they_come_from() {
        let directory = tempfile::tempdir().unwrap();
        let store = directory.path().join("nightreel.db");
        std::fs::write(&store, "a store").unwrap();
        let check = |name: &str| {
            let output = Output::of_path(&directory.path().join(name));
            check_place(&output, &[("the store", &store)]).map_err(|failure| failure.error.to_string())
        };
        assert!(check("./nightreel.db").unwrap_err().contains("is the store itself"));
        assert!(check("nowhere/out.jsonl").unwrap_err().starts_with("cannot write the results to "));
        assert_eq!(check("out.jsonl"), Ok(()));
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
        assert!(check_place(&Output::Stdout, &[("the store", &store)]).is_ok());
    }
}
