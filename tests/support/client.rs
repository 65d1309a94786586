//! A client in another language, with the packages that `tests/run` installs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A script of `tests/clients`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    /// `with_openai.py`.
    OpenAiPython,
    /// `with_openai.cjs`.
    OpenAiJavaScript,
    /// `with_anthropic.py`.
    AnthropicPython,
    /// `with_curl.sh`.
    Curl,
}

impl Client {
    /// Runs the script against a server and gives what it says; it must end well.
    ///
    /// # Panics
    /// Panics where its program or its packages are missing, too: a test must not pass without it.
    pub(crate) fn run(self, base_url: &str, key: &str, steps: &[&str]) -> String {
        let words = self.words();
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).args(steps).envs(self.variables()).stdin(Stdio::null());
        // A base URL of the Anthropic client is one without the version.
        let bare = base_url.strip_suffix("/v1").unwrap_or(base_url);
        command.env("ANTHROPIC_BASE_URL", bare).env("ANTHROPIC_API_KEY", key);
        command.env("OPENAI_BASE_URL", base_url).env("OPENAI_API_KEY", key);
        for name in PROXIES {
            command.env_remove(name);
        }
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{self:?} {steps:?}: {}\n{said}\n{errors}", output.status);
        said
    }

    /// The program and the script.
    ///
    /// # Panics
    /// Panics where a program is missing.
    pub(crate) fn words(self) -> [String; 2] {
        let (needed, program, script) = match self {
            Self::OpenAiPython => ("python3", "python3", "with_openai.py"),
            Self::OpenAiJavaScript => ("node", "node", "with_openai.cjs"),
            Self::AnthropicPython => ("python3", "python3", "with_anthropic.py"),
            Self::Curl => ("curl", "sh", "with_curl.sh"),
        };
        let found = Command::new(needed).arg("--version").output();
        assert!(found.is_ok_and(|output| output.status.success()), "{needed} is missing; {MISSING}");
        [program.to_owned(), root().join("tests/clients").join(script).display().to_string()]
    }

    /// The variables by which the program finds the packages.
    ///
    /// # Panics
    /// Panics where they are missing, or are not what the pins say.
    pub(crate) fn variables(self) -> Vec<(&'static str, String)> {
        match self {
            Self::OpenAiPython | Self::AnthropicPython => {
                let packages = packages("python", "requirements.txt");
                vec![("PYTHONPATH", packages.display().to_string()), ("PYTHONIOENCODING", "utf-8".to_owned())]
            }
            Self::OpenAiJavaScript => {
                let packages = packages("node", "package-lock.json").join("node_modules");
                vec![("NODE_PATH", packages.display().to_string())]
            }
            Self::Curl => Vec::new(),
        }
    }
}

/// What would lead a client elsewhere.
const PROXIES: [&str; 6] = ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
const MISSING: &str = "tests/run installs what the tests need: run it";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The directory of the packages that a file of pins names.
fn packages(name: &str, pins: &str) -> PathBuf {
    let directory = root().join("target/clients").join(name);
    let installed = fs::read_to_string(directory.join("pins")).unwrap_or_default();
    let pins_now = fs::read_to_string(root().join("tests/clients").join(pins)).unwrap();
    assert!(installed.ends_with(&pins_now), "the packages of tests/clients/{pins} are missing or old; {MISSING}");
    directory
}
