//! Holds the layers: what the modules of `src` name of each other, against the table below.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;

/// What each module of the library may use, beside itself. Imports only go down, and what stands
/// side by side does not know each other.
const MAY_USE: [(&str, &[&str]); 16] = [
    ("testing", &["serve", "fixture", "record", "gateway", "store", "listener", "model", "clock"]),
    ("serve", &["engine", "record", "gateway", "store", "simulate", "job", "price", "listener", "model", "clock"]),
    (
        "fixture",
        &["engine", "record", "gateway", "store", "input", "prompt", "simulate", "job", "price", "model", "clock"],
    ),
    ("engine", &["record", "gateway", "store", "input", "prompt", "simulate", "job", "price", "model", "clock"]),
    ("record", &["gateway", "store", "input", "prompt", "simulate", "job", "model", "clock"]),
    ("interchange", &["gateway", "price", "model", "clock"]),
    ("gateway", &["model", "clock"]),
    ("store", &["model", "clock"]),
    ("input", &["model", "clock"]),
    ("prompt", &["job", "model", "clock"]),
    ("simulate", &["listener", "model", "clock"]),
    ("job", &["model", "clock"]),
    ("price", &["model"]),
    ("listener", &[]),
    ("model", &[]),
    ("clock", &[]),
];

/// What only the binary has.
const COMMAND_LINE: &str = "cli";

/// Comments and literals, of which nothing is kept, and tokens.
static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r#"(?xs)
          //[^\n]* | /\*.*?\*/
        | [bc]?r\#\#".*?"\#\# | [bc]?r\#".*?"\# | [bc]?r"[^"]*" | [bc]?"(?:\\.|[^"\\])*"
        | b?'(?:\\.[^']*|[^'\\])'
        | (?<token> r\#\w+ | '?\w+ | :: | \S )"#;
    Regex::new(pattern).expect("the pattern is valid")
});

/// A path in the code, from a crate's root on.
#[derive(Debug)]
struct Named {
    /// Where it ends, in bytes from the start of the file.
    offset: usize,
    /// `crate` or `nightreel`.
    root: &'static str,
    /// The module that the path goes into; `None` where it ends at the root.
    module: Option<String>,
}

/// Walks the tokens of a file and notes every path that starts at a crate's root, or gets there by
/// `super`: in imports, in expressions, in macros and in tests alike.
struct Walk<'a> {
    /// With their offsets.
    tokens: Vec<(usize, &'a str)>,
    position: usize,
    /// Where the walk is: the file's module, then those written within it.
    module: Vec<String>,
    /// For each open brace, whether it is a module's.
    braces: Vec<bool>,
    named: Vec<Named>,
}

impl<'a> Walk<'a> {
    fn new(source: &'a str, module: Vec<String>) -> Self {
        let tokens = TOKEN.captures_iter(source).filter_map(|found| found.name("token"));
        let tokens = tokens.map(|token| (token.start(), token.as_str().trim_start_matches("r#"))).collect();
        Self { tokens, position: 0, module, braces: Vec::new(), named: Vec::new() }
    }

    /// The token so many places behind the present one; nothing after the last.
    fn ahead(&self, places: usize) -> &'a str {
        self.tokens.get(self.position + places).map_or("", |(_, token)| token)
    }

    fn walk(mut self) -> Vec<Named> {
        while self.position < self.tokens.len() {
            self.step();
        }
        self.named
    }

    fn step(&mut self) {
        let within_path = self.position > 0 && self.tokens[self.position - 1].1 == "::";
        match (self.ahead(0), self.ahead(1), self.ahead(2)) {
            ("mod", name, "{") => {
                self.module.push(name.to_owned());
                self.braces.push(true);
                self.position += 3;
            }
            ("{", ..) => self.brace(),
            ("}", ..) => self.unbrace(),
            // An alias for the root would hide what is used through it.
            ("crate", "as", _) => self.tree("crate", &[]),
            ("crate", "::", _) if !within_path => self.path("crate", &[]),
            ("nightreel", "::", _) if !within_path => self.path("nightreel", &[]),
            ("super", "::", _) if !within_path => self.path("crate", &parent(&self.module)),
            ("self", "::", _) if !within_path => self.path("crate", &self.module.clone()),
            _ => self.position += 1,
        }
    }

    fn brace(&mut self) {
        self.braces.push(false);
        self.position += 1;
    }

    fn unbrace(&mut self) {
        if self.braces.pop() == Some(true) {
            self.module.pop();
        }
        self.position += 1;
    }

    /// A path, of which the present token is the first segment and stands for `prefix`.
    fn path(&mut self, root: &'static str, prefix: &[String]) {
        self.position += 2;
        self.tree(root, prefix);
    }

    /// What stands behind a `::`, or within the braces of an import.
    fn tree(&mut self, root: &'static str, prefix: &[String]) {
        let deeper = match self.ahead(0) {
            "{" => return self.group(root, prefix),
            "super" => parent(prefix),
            "self" | "*" | "crate" => prefix.to_vec(),
            name => [prefix, &[name.to_owned()]].concat(),
        };
        let goes_on = self.ahead(1) == "::" && self.ahead(2) != "<";
        if goes_on {
            return self.path(root, &deeper);
        }
        let offset = self.tokens[self.position].0;
        self.named.push(Named { offset, root, module: deeper.first().cloned() });
        self.position += 1;
    }

    fn group(&mut self, root: &'static str, prefix: &[String]) {
        self.position += 1;
        while !matches!(self.ahead(0), "}" | "") {
            match self.ahead(0) {
                "," => self.position += 1,
                "as" => self.position += 2,
                _ => self.tree(root, prefix),
            }
        }
        self.position += 1;
    }
}

fn parent(module: &[String]) -> Vec<String> {
    module.split_last().map(|(_, parent)| parent.to_vec()).unwrap_or_default()
}

/// What a file uses that it may not, a line each. `file` is relative to `src`.
fn violations(file: &Path, source: &str) -> Vec<String> {
    let module = module_of(file);
    let owner = module.first().cloned().unwrap_or_default();
    let refused = |named: Named| {
        let problem = refusal(&owner, file, &named)?;
        let line = source[..named.offset].matches('\n').count() + 1;
        Some(format!("{}:{line}: {problem}", file.display()))
    };
    Walk::new(source, module).walk().into_iter().filter_map(refused).collect()
}

/// Why a path may not be used; `None` where it may.
fn refusal(owner: &str, file: &Path, named: &Named) -> Option<String> {
    let is_binary = owner == COMMAND_LINE || file == Path::new("main.rs");
    let root = named.root;
    let Some(module) = named.module.as_deref() else {
        return Some(format!("names {root} itself; name what is used of it"));
    };
    let allowed = match (is_binary, root) {
        (true, "crate") => module == COMMAND_LINE,
        (true, _) => row(module).is_some(),
        (false, "crate") if owner.is_empty() => row(module).is_some(),
        (false, "crate") => module == owner || row(owner).is_some_and(|may| may.contains(&module)),
        (false, _) => false,
    };
    let owner = if owner.is_empty() { "the root" } else { owner };
    (!allowed).then(|| format!("{owner} may not use {root}::{module}"))
}

fn row(module: &str) -> Option<&'static [&'static str]> {
    MAY_USE.iter().find(|(name, _)| *name == module).map(|(_, may)| *may)
}

/// The module that a file holds, from the crate's root on.
fn module_of(file: &Path) -> Vec<String> {
    let path = file.with_extension("");
    let mut names: Vec<String> = path.iter().map(|name| name.to_string_lossy().into_owned()).collect();
    names.pop_if(|name| matches!(name.as_str(), "mod" | "lib" | "main"));
    names
}

/// The `mod name;` lines of a file.
fn declared(source: &str) -> BTreeSet<&str> {
    let words: Vec<&str> =
        TOKEN.captures_iter(source).filter_map(|found| Some(found.name("token")?.as_str())).collect();
    words.windows(3).filter(|words| words[0] == "mod" && words[2] == ";").map(|words| words[1]).collect()
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn read(file: &str) -> String {
    fs::read_to_string(src().join(file)).expect("a source file can be read")
}

/// The modules that stand in `src`: folders, and files beside `lib.rs` and `main.rs`.
fn modules_on_disk() -> BTreeSet<String> {
    let entries = fs::read_dir(src()).expect("src can be listed");
    let names = entries.map(|entry| entry.expect("src can be listed").path().with_extension(""));
    let names = names.filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
    names.filter(|name| !matches!(name.as_str(), "lib" | "main")).collect()
}

#[test]
fn imports_go_down_the_layers() {
    let files = crate::project::files_under(&src());
    let sources: Vec<_> = files.iter().filter(|file| file.extension().is_some_and(|kind| kind == "rs")).collect();
    assert!(sources.len() > 100, "only {} sources were found", sources.len());
    let found = sources.into_iter().flat_map(|file| {
        let relative = file.strip_prefix(src()).expect("it was found under src");
        violations(relative, &fs::read_to_string(file).expect("a source file can be read"))
    });
    let found: Vec<String> = found.collect();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn every_module_has_its_place_in_the_table() {
    let table: BTreeSet<String> = MAY_USE.iter().map(|(name, _)| (*name).to_owned()).collect();
    let mut expected = table.clone();
    expected.insert(COMMAND_LINE.to_owned());
    assert_eq!(modules_on_disk(), expected);
    let library = read("lib.rs");
    assert_eq!(declared(&library), table.iter().map(String::as_str).collect());
    assert_eq!(declared(&read("main.rs")), BTreeSet::from([COMMAND_LINE]));
}

/// The map is a list in the doc of `lib.rs`, with a line ``- [`engine`]: …`` for each module.
#[test]
fn the_map_in_the_docs_names_every_module_folder() {
    let library = read("lib.rs");
    let lines = library.lines().filter_map(|line| line.strip_prefix("//! - [`")?.split_once("`]: "));
    let map: Vec<&str> = lines.map(|(name, _)| name).collect();
    let names: BTreeSet<&str> = map.iter().copied().collect();
    assert_eq!(names.len(), map.len(), "a module stands in the map twice: {map:?}");
    let modules = declared(&library);
    let folders: BTreeSet<&str> = modules.iter().copied().filter(|name| src().join(name).is_dir()).collect();
    assert!(names.is_superset(&folders), "not in the map: {:?}", folders.difference(&names).collect::<Vec<_>>());
    assert!(names.is_subset(&modules), "in the map alone: {:?}", names.difference(&modules).collect::<Vec<_>>());
}

#[test]
fn an_import_up_or_sideways_is_found_however_it_is_written() {
    let refused = [
        ("store/writer.rs", "use crate::engine::Run;", "1: store may not use crate::engine"),
        (
            "store/writer.rs",
            "use crate::{\n  model::{Row,\n  Key},\n  gateway::{self as g},\n};",
            "4: store may not use crate::gateway",
        ),
        ("store/mod.rs", "use super::input::Row;", "1: store may not use crate::input"),
        ("store/pack.rs", "fn f() { super::super::job::Job::load(); }", "1: store may not use crate::job"),
        (
            "store/pack.rs",
            "#[cfg(test)]\nmod tests {\n use super::super::super::engine::Run; }",
            "3: store may not use crate::engine",
        ),
        ("store/pack.rs", "mod a { } use super::{Id, super::{engine}};", "1: store may not use crate::engine"),
        ("gateway/http.rs", "fn f(store: &crate::store::Store) {}", "1: gateway may not use crate::store"),
        ("gateway/http.rs", "const Q: char = '\"'; use crate::store::Id; // \"", "1: gateway may not use crate::store"),
        (
            "gateway/http.rs",
            "fn f<'a>(a: &'a str) { m!(x, $crate::record::y) }",
            "1: gateway may not use crate::record",
        ),
        ("gateway/http.rs", "pub(in crate::engine) fn f() {}", "1: gateway may not use crate::engine"),
        ("gateway/http.rs", "use {std::fs, crate::r#store::Id};", "1: gateway may not use crate::store"),
        ("model/row.rs", "use crate::clock::now_ms;", "1: model may not use crate::clock"),
        ("engine/run.rs", "use crate::cli::Exit;", "1: engine may not use crate::cli"),
        ("engine/run.rs", "use crate::reports::Report;", "1: engine may not use crate::reports"),
        ("engine/run.rs", "use nightreel::store::Id;", "1: engine may not use nightreel::store"),
        ("engine/run.rs", "use crate::*;", "1: names crate itself; name what is used of it"),
        ("engine/run.rs", "use crate as root;", "1: names crate itself; name what is used of it"),
        ("engine/mod.rs", "use super::*;", "1: names crate itself; name what is used of it"),
        ("lib.rs", "pub use crate::cli::run;", "1: the root may not use crate::cli"),
        ("cli/run.rs", "use crate::engine::Run;", "1: cli may not use crate::engine"),
        ("cli/run.rs", "use nightreel::cli::run;", "1: cli may not use nightreel::cli"),
    ];
    for (file, source, problem) in refused {
        assert_eq!(violations(Path::new(file), source), [format!("{file}:{problem}")], "{source}");
    }
}

#[test]
fn an_import_that_goes_down_is_let_pass() {
    let allowed = [
        ("engine/run.rs", "use crate::{clock, model::Row, record::{self, Recall}, simulate::Options};"),
        ("prompt/plan.rs", "use crate::job::Job; use crate::model::Row;"),
        ("store/mod.rs", "use self::id::Id; pub(crate) mod a { use super::id; use crate::store::Run; }"),
        (
            "store/id.rs",
            "// crate::engine::Run\n/* crate::engine */ const A: &str = \"crate::engine\"; use super::Run;",
        ),
        (
            "store/id.rs",
            "const A: &str = r#\"\"crate::engine\"#; const B: u8 = b'\\''; const C: &[u8] = b\"\\\"crate::job\";",
        ),
        ("store/tests/wire.rs", "use super::super::Id; use super::server::{self, Server};"),
        ("store/id.rs", "pub(crate) fn f(x: other::engine::Run) -> my::crate_::engine {}"),
        ("clock.rs", "mod tests { use super::*; }"),
        ("lib.rs", "pub use crate::engine::run;"),
        ("main.rs", "mod cli; fn main() { cli::main() }"),
        ("cli/run.rs", "use nightreel::engine::Run; use super::exit::Exit; use crate::cli::plan::Plan;"),
        ("cli/prices/table.rs", "use super::super::exit::Exit;"),
    ];
    for (file, source) in allowed {
        assert_eq!(violations(Path::new(file), source), [""; 0], "{source}");
    }
}
