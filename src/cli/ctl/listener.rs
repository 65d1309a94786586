//! The end of a run at which it can be controlled.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use nightreel::engine::{Control, ControlReply, ControlRequest};
use nightreel::job::LimitSetting;
use tokio::net::{UnixListener, UnixStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

use super::super::gateway::most_in_flight;
use super::peer::{is_served, own_user};
use super::place::{PlaceError, directories, make, socket_in, socket_name};
use super::wire::{self, LONGEST_REQUEST, WireError};

/// How many may ask at once; others are turned away.
const CLIENTS: usize = 16;
/// How long one may take to ask and to hear the answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long to wait where the system accepts no connection.
const BREATH: Duration = Duration::from_millis(100);
/// How old a socket is that a run may have left behind: a younger one may not listen yet.
const LEFT_BEHIND: Duration = Duration::from_mins(1);

/// Lets a run be controlled until it is dropped.
#[derive(Debug)]
pub(crate) struct Listener {
    path: PathBuf,
    task: JoinHandle<()>,
}

/// Why a run cannot be controlled.
#[derive(Debug, thiserror::Error)]
#[error("this run cannot be controlled with nightreel ctl: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub(crate) struct ListenError(Vec<PlaceError>);

impl Listener {
    /// Listens for those who control the run of a job. It must be called in a runtime. `runtime` is
    /// what `XDG_RUNTIME_DIR` says.
    ///
    /// # Errors
    /// Fails if there is no directory of the user's own that a socket can be in.
    pub(crate) fn start(
        control: Control,
        (job, simulated): (&str, bool),
        runtime: Option<std::ffi::OsString>,
    ) -> Result<Self, ListenError> {
        let user = own_user();
        let name = socket_name(std::process::id(), job, simulated);
        let mut problems = Vec::new();
        for directory in directories(runtime, user) {
            match make(&directory, user).and_then(|()| socket_in(&directory, &name)).and_then(|path| bind(&path)) {
                Ok((path, listener)) => {
                    let task = tokio::spawn(async move {
                        forget_others(&directory, LEFT_BEHIND).await;
                        serve(&listener, &control, simulated).await;
                    });
                    return Ok(Self { path, task });
                }
                Err(problem) => problems.push(problem),
            }
        }
        Err(ListenError(problems))
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
        // Somebody may have tidied up already.
        let _gone = fs::remove_file(&self.path);
    }
}

fn bind(path: &Path) -> Result<(PathBuf, UnixListener), PlaceError> {
    // No living process has this name: numbers are given out again.
    let _gone = fs::remove_file(path);
    let bound = UnixListener::bind(path)
        .and_then(|listener| fs::set_permissions(path, Permissions::from_mode(0o600)).map(|()| listener));
    match bound {
        Ok(listener) => Ok((path.to_owned(), listener)),
        Err(source) => Err(PlaceError::Unusable { path: path.to_owned(), source }),
    }
}

/// Removes the sockets of runs that were killed.
async fn forget_others(directory: &Path, left_behind: Duration) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let is_socket = path.extension().is_some_and(|extension| extension == "sock");
        let age = fs::symlink_metadata(&path).and_then(|metadata| metadata.modified());
        let is_old = age.is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age >= left_behind));
        if is_socket && is_old && nobody_listens(&path).await {
            let _gone = fs::remove_file(&path);
        }
    }
}

async fn nobody_listens(path: &Path) -> bool {
    let connected = timeout(PATIENCE, UnixStream::connect(path)).await;
    matches!(connected, Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused)
}

async fn serve(listener: &UnixListener, control: &Control, simulated: bool) {
    let mut clients = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if clients.len() < CLIENTS && is_served(&stream) => {
                    let control = control.clone();
                    clients.spawn(async move { timeout(PATIENCE, attend(stream, &control, simulated)).await });
                }
                // Turned away: whoever it is sees the connection end.
                Ok(_) => {}
                Err(_) => sleep(BREATH).await,
            },
            Some(_) = clients.join_next() => {}
        }
    }
}

/// Hears a request and answers it. One who hangs is left alone after a while.
async fn attend(mut stream: UnixStream, control: &Control, simulated: bool) -> Result<(), WireError> {
    let reply = match wire::read(&mut stream, LONGEST_REQUEST).await {
        Ok(request) => answer(request, control, simulated).await,
        Err(error @ WireError::Ended(_)) => return Err(error),
        Err(error) => ControlReply::refused(format!("the request is not understood: {error}")),
    };
    wire::write(&mut stream, reply).await
}

async fn answer(request: ControlRequest, control: &Control, simulated: bool) -> ControlReply {
    if let Err(problem) = allow(&request, simulated) {
        return ControlReply::refused(problem);
    }
    control.ask(request).await.unwrap_or_else(|| ControlReply::refused("the run has just ended"))
}

/// Makes sure that the process may have as many connections as are asked for.
fn allow(request: &ControlRequest, simulated: bool) -> Result<(), String> {
    let ControlRequest::Set { settings, .. } = request else { return Ok(()) };
    settings.iter().try_for_each(|setting| match setting {
        LimitSetting::InFlight(in_flight) => {
            most_in_flight(*in_flight, simulated).map(drop).map_err(|failure| failure.error.to_string())
        }
        _ => Ok(()),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;
    use std::os::unix::net::UnixListener as StdListener;

    use nightreel::engine::{Orders, RunBegun};
    use nightreel::model::{Mode, Success};
    use tempfile::TempDir;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    fn control() -> (Control, Orders) {
        Control::new(RunBegun {
            run: None,
            job: "nightly".to_owned(),
            mode: Mode::Auto,
            simulated: false,
            rows: 1,
            items: 1,
            models: Vec::new(),
            settled_before: 0,
            resumed: false,
            success: Success::default(),
            changed: None,
        })
    }

    fn start(runtime: &TempDir) -> (Listener, Orders) {
        let (control, orders) = control();
        let listener = Listener::start(control, ("nightly", false), Some(runtime.path().into())).unwrap();
        (listener, orders)
    }

    async fn said(stream: &mut UnixStream) -> String {
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test]
    async fn the_socket_is_its_owners_alone_and_goes_with_the_listener() {
        let runtime = tempfile::tempdir().unwrap();
        let (listener, _orders) = start(&runtime);
        let path = listener.path.clone();
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().mode() & 0o777, 0o700);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        drop(listener);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn nobody_waits_for_a_run_that_has_ended() {
        let runtime = tempfile::tempdir().unwrap();
        let (listener, orders) = start(&runtime);
        drop(orders);
        let mut stream = UnixStream::connect(&listener.path).await.unwrap();
        wire::write(&mut stream, ControlRequest::Status).await.unwrap();
        assert_eq!(
            said(&mut stream).await,
            "{\"version\":1,\"reply\":\"refused\",\"message\":\"the run has just ended\"}\n"
        );
    }

    #[tokio::test]
    async fn what_is_not_understood_is_answered_and_too_much_is_not_read() {
        let runtime = tempfile::tempdir().unwrap();
        let (listener, _orders) = start(&runtime);
        let endless = vec![b'x'; usize::try_from(LONGEST_REQUEST).unwrap()];
        for (bytes, expected) in [
            (b"hello\n".as_slice(), "expected value"),
            (b"{\"version\":9}\n", "version 9"),
            (b"{\"version\":1,\"request\":\"set\",\"settings\":[\"in_flight=0\"]}\n", "from 1 to 100000"),
            (&endless, "longer than 65536 bytes"),
        ] {
            let mut stream = UnixStream::connect(&listener.path).await.unwrap();
            stream.write_all(bytes).await.unwrap();
            let said = said(&mut stream).await;
            assert!(said.contains("refused") && said.contains(expected), "{said}");
        }
    }

    #[tokio::test]
    async fn those_who_hang_are_few_and_others_are_turned_away() {
        let runtime = tempfile::tempdir().unwrap();
        let (listener, _orders) = start(&runtime);
        let mut hanging = Vec::new();
        for _ in 0..CLIENTS {
            hanging.push(UnixStream::connect(&listener.path).await.unwrap());
        }
        let mut late = UnixStream::connect(&listener.path).await.unwrap();
        assert_eq!(said(&mut late).await, "");
        // Those who go make room.
        drop(hanging);
        loop {
            let mut stream = UnixStream::connect(&listener.path).await.unwrap();
            // One that is turned away may be gone before it is spoken to.
            let _gone = stream.write_all(b"hello\n").await;
            let mut text = String::new();
            if stream.read_to_string(&mut text).await.is_ok() && text.contains("refused") {
                break;
            }
        }
    }

    #[tokio::test]
    async fn sockets_that_nobody_listens_at_are_forgotten_once_they_are_old() {
        let runtime = tempfile::tempdir().unwrap();
        let directory = runtime.path().join("nightreel");
        make(&directory, own_user()).unwrap();
        drop(StdListener::bind(directory.join("1-a.sock")).unwrap());
        let _alive = StdListener::bind(directory.join("2-b.sock")).unwrap();
        fs::write(directory.join("notes.txt"), "").unwrap();
        for (age, left) in [(LEFT_BEHIND, 3), (Duration::ZERO, 2)] {
            forget_others(&directory, age).await;
            assert_eq!(fs::read_dir(&directory).unwrap().count(), left);
        }
        assert!(!directory.join("1-a.sock").exists());
    }

    #[tokio::test]
    async fn a_directory_that_cannot_be_used_gives_way_to_the_next() {
        let runtime = tempfile::tempdir().unwrap();
        let deep = runtime.path().join("d".repeat(100));
        fs::create_dir(&deep).unwrap();
        let (control, _orders) = control();
        let listener = Listener::start(control, ("nightly", false), Some(deep.into())).unwrap();
        assert!(listener.path.starts_with(format!("/tmp/nightreel-{}", own_user())), "{}", listener.path.display());
    }
}
