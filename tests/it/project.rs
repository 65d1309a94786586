//! Holds the repository itself: its jobs, its fixtures, its README, and what lies where.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use nightreel::store::{Access, Store};
use regex::Regex;
use rusqlite::Connection;
use tempfile::TempDir;

/// What may stand at the top level, beside hidden files and what git ignores.
const TOP_LEVEL: [&str; 9] =
    ["Cargo.toml", "Cargo.lock", "CHANGELOG.md", "LICENSE", "README.md", "fixtures", "jobs", "src", "tests"];

/// Beginnings of paths that exist on the machines of developers alone.
const MACHINE_PATHS: [&str; 2] = [concat!("/wo", "rk/"), concat!("/tmp", "/wt")];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file under a directory, in order, except what git keeps for itself or ignores.
pub(crate) fn files_under(directory: &Path) -> Vec<PathBuf> {
    let is_directory = |path: &Path| path.is_dir() && !path.is_symlink();
    let (directories, mut files): (Vec<_>, Vec<_>) =
        entries(directory).into_iter().partition(|path| is_directory(path));
    files.extend(directories.iter().flat_map(|directory| files_under(directory)));
    files
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("a directory of the repository can be listed");
    let paths = entries.map(|entry| entry.expect("a directory of the repository can be listed").path());
    let mut paths: Vec<_> = paths.filter(|path| !is_ignored(path)).collect();
    paths.sort();
    paths
}

/// Whether git keeps a path for itself or ignores it. `.gitignore` has names of the top level
/// alone, which may end in `*`.
fn is_ignored(path: &Path) -> bool {
    let Ok(name) = path.strip_prefix(root()) else { return false };
    let name = name.to_string_lossy();
    let patterns = fs::read_to_string(root().join(".gitignore")).expect(".gitignore can be read");
    let ignores = |pattern: &str| match pattern.trim_start_matches('/').split_once('*') {
        Some((start, _)) => name.starts_with(start),
        None => name == pattern.trim_start_matches('/'),
    };
    name == ".git" || patterns.lines().any(ignores)
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// A copy of `jobs/` in a directory of its own, in which the command is called.
struct Workshop(TempDir);

impl Workshop {
    fn new() -> Self {
        let workshop = Self(TempDir::new().expect("a temporary directory can be made"));
        for file in files_under(&root().join("jobs")) {
            workshop.copy(&file, "jobs");
        }
        workshop
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Copies a file into a directory, and returns its name there.
    fn copy(&self, file: &Path, directory: &str) -> String {
        let name = file.file_name().and_then(OsStr::to_str).expect("files of the repository have names in UTF-8");
        fs::create_dir_all(self.path(directory)).expect("a temporary directory can be made");
        let copy = format!("{directory}/{name}");
        fs::copy(file, self.path(&copy)).expect("a file can be copied");
        copy
    }

    /// Calls the command, which must end well; returns what it says on standard error.
    fn call(&self, args: &[&str]) -> String {
        let output = nightreel(self.0.path(), args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "nightreel {}\n{said}", args.join(" "));
        said
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).expect("a result can be read")
    }

    /// How many requests the store says were sent.
    fn sent(&self, store: &str) -> u32 {
        self.ask(store, "SELECT count(*) FROM attempts")
    }

    fn ask(&self, store: &str, question: &str) -> u32 {
        let connection = Connection::open(self.path(store)).expect("a store can be opened");
        connection.query_row(question, [], |row| row.get(0)).expect("a store can be asked")
    }
}

/// Calls the command as in an environment that knows nothing of it.
fn nightreel(directory: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nightreel"));
    command.args(args).current_dir(directory).stdin(Stdio::null());
    for variable in ["NIGHTREEL_STORE", "OPENROUTER_API_KEY", "CF_AIG_TOKEN", "COLUMNS"] {
        command.env_remove(variable);
    }
    command.output().expect("the binary can be started")
}

fn jobs() -> Vec<String> {
    let files = entries(&root().join("jobs")).into_iter().filter(|file| file.extension() == Some(OsStr::new("toml")));
    let jobs: Vec<_> =
        files.map(|file| format!("jobs/{}", file.file_name().expect("it has a name").display())).collect();
    assert!(!jobs.is_empty(), "jobs/ has no job");
    jobs
}

/// Runs a job twice and replays it.
fn rehearse(job: &str) {
    let workshop = Workshop::new();
    let run = ["run", job, "--simulate", "--store", "a.db"];
    workshop.call(&[&run[..], &["--output", "first.jsonl"]].concat());
    let sent = workshop.sent("a.db");
    assert!(sent > 0, "{job} sends nothing");
    let said = workshop.call(&[&run[..], &["--output", "second.jsonl"]].concat());
    assert_eq!(workshop.sent("a.db"), sent, "{job} sends again\n{said}");
    workshop.call(&["replay", job, "--store", "a.db", "--output", "replay.jsonl"]);
    let first = workshop.read("first.jsonl");
    assert!(!first.is_empty(), "{job} has no results");
    assert!(workshop.read("second.jsonl") == first, "{job}: the second run's results differ");
    assert!(workshop.read("replay.jsonl") == first, "{job}: the replay's results differ");
}

#[test]
fn every_job_runs_as_it_is_and_sends_nothing_the_second_time() {
    std::thread::scope(|scope| {
        for job in jobs() {
            scope.spawn(move || rehearse(&job));
        }
    });
}

/// The version of a store that is made now.
fn store_version() -> u32 {
    let workshop = Workshop::new();
    Store::open(&workshop.path("new.db"), Access::ReadWrite).expect("a store can be made");
    workshop.ask("new.db", "PRAGMA user_version")
}

#[test]
fn the_fixtures_are_the_quick_start_one_store_of_each_version_and_the_example() {
    let stores = (1..=store_version()).map(|version| format!("store-v{version}.db"));
    let others = ["README.md", "quickstart.db", "triage/"].map(str::to_owned);
    let expected: BTreeSet<String> = stores.chain(others).collect();
    let found = entries(&root().join("fixtures"));
    let name = |path: &PathBuf| {
        let name = path.file_name()?.to_string_lossy().into_owned();
        Some(if path.is_dir() { name + "/" } else { name })
    };
    let found: BTreeSet<String> = found.iter().filter_map(name).collect();
    assert_eq!(found, expected, "bash tests/make-fixtures makes those that are missing");
    let text = read("fixtures/README.md");
    for name in found.iter().filter(|name| *name != "README.md") {
        assert!(text.contains(&format!("`{name}`")), "fixtures/README.md does not say what {name} is");
    }
}

#[test]
fn the_quick_start_replays_from_its_fixture_and_leaves_it_as_it_is() {
    let workshop = Workshop::new();
    let fixture = workshop.copy(&root().join("fixtures/quickstart.db"), "fixtures");
    let before = workshop.read(&fixture);
    let job = "jobs/quickstart.toml";
    workshop.call(&["replay", job, "--fixture", &fixture, "--output", "answers.jsonl"]);
    let answers = String::from_utf8(workshop.read("answers.jsonl")).expect("results are UTF-8");
    assert_eq!(answers.lines().count(), read("jobs/quickstart.csv").lines().count() - 1);
    assert!(workshop.read(&fixture) == before, "the replay changed the fixture");
    assert_eq!(entries(&workshop.path("fixtures")), [workshop.path(&fixture)], "the replay left something beside it");
    assert!(!workshop.path("nightreel.db").exists(), "the replay made a store");
}

#[test]
fn a_store_of_every_version_is_brought_up_to_date_and_goes_on() {
    let newest = store_version();
    for version in 1..=newest {
        let workshop = Workshop::new();
        let store = workshop.copy(&root().join(format!("fixtures/store-v{version}.db")), ".");
        assert_eq!(workshop.ask(&store, "PRAGMA user_version"), version, "{store}");
        let said =
            workshop.call(&["run", "jobs/matrix.toml", "--simulate", "--store", &store, "--output", "run.jsonl"]);
        assert_eq!(workshop.ask(&store, "PRAGMA user_version"), newest, "{store}");
        assert_eq!(workshop.ask(&store, "SELECT count(*) FROM runs"), 1, "{store}: another run began\n{said}");
        let (sent, items) = (workshop.sent(&store), workshop.ask(&store, "SELECT count(*) FROM items"));
        assert!(sent > items && items > 0, "{store} holds no retries: {items} items, {sent} attempts");
        workshop.call(&["replay", "jobs/matrix.toml", "--store", &store, "--output", "replay.jsonl"]);
        assert!(workshop.read("run.jsonl") == workshop.read("replay.jsonl"), "{store}: the results differ");
    }
}

/// The README has the help between `<!-- help -->` and `<!-- /help -->`, in a code block.
#[test]
fn the_readme_shows_the_help_as_it_is() {
    let help = nightreel(root(), &["--help"]);
    assert!(help.status.success());
    let help = String::from_utf8(help.stdout).expect("the help is UTF-8");
    let readme = read("README.md");
    let shown = readme.split_once("<!-- help -->").and_then(|(_, rest)| rest.split_once("<!-- /help -->"));
    let (shown, _) = shown.expect("README.md has <!-- help --> … <!-- /help -->");
    let shown: Vec<&str> = shown.trim().lines().filter(|line| !line.starts_with("```")).collect();
    assert_eq!(shown.join("\n").trim(), help.trim(), "README.md shows another help than --help");
}

/// The README's table of exit codes has a row `| 0 | …` for each code of `src/cli/exit.rs`, and the
/// row begins with what the code's documentation says.
#[test]
fn the_readme_lists_the_exit_codes_as_the_code_documents_them() {
    let documented = exit_codes(&read("src/cli/exit.rs"));
    assert_eq!(
        documented.iter().map(|(code, _)| code.as_str()).collect::<Vec<_>>(),
        ["0", "1", "2", "3", "4", "5", "6"]
    );
    let readme = read("README.md");
    let table = Regex::new(r"(?m)^\| *`?(\d+)`? *\| *(.*?) *\|").expect("the pattern is valid");
    let rows = table.captures_iter(&readme).map(|row| (row[1].to_owned(), row[2].replace('`', "")));
    let rows: Vec<_> = rows.collect();
    assert_eq!(rows.len(), documented.len(), "README.md lists {rows:?}");
    for ((code, text), (listed, row)) in documented.iter().zip(&rows) {
        assert_eq!(code, listed);
        assert!(row.starts_with(text.trim_end_matches('.')), "README.md says of {code}: {row}\nthe code says: {text}");
    }
}

/// Each code with its documentation, in one line.
fn exit_codes(source: &str) -> Vec<(String, String)> {
    let variant = Regex::new(r"((?:\s*///[^\n]*\n)+)\s*\w+ = (\d+),").expect("the pattern is valid");
    let words = |doc: &str| doc.split_whitespace().filter(|word| *word != "///").collect::<Vec<_>>().join(" ");
    variant.captures_iter(source).map(|found| (found[2].to_owned(), words(&found[1]).replace('`', ""))).collect()
}

#[test]
fn nothing_stands_at_the_top_level_that_has_no_place_there() {
    let names = entries(root()).into_iter().map(|path| path.file_name().expect("it has a name").display().to_string());
    let odd: Vec<_> = names.filter(|name| !name.starts_with('.') && !TOP_LEVEL.contains(&name.as_str())).collect();
    assert_eq!(odd, [""; 0]);
}

#[test]
fn no_file_names_a_path_of_one_machine() {
    let names = |file: &Path| {
        let bytes = fs::read(file).expect("a file of the repository can be read");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        MACHINE_PATHS
            .into_iter()
            .filter(move |path| text.contains(path))
            .map(|path| format!("{}: {path}", file.display()))
            .collect::<Vec<_>>()
    };
    let files = files_under(root());
    assert!(files.len() > 100, "only {} files were found", files.len());
    assert_eq!(files.iter().flat_map(|file| names(file)).collect::<Vec<_>>(), [""; 0]);
}
