//! How fast the simulator answers. Run it in a release build:
//! `cargo test --release --lib simulate::tests::throughput -- --ignored --nocapture`.

use std::thread;
use std::time::Instant;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Builder;

use super::super::{Options, Stats};
use super::client::{chat, start};

const CONNECTIONS: usize = 32;
const REQUESTS: usize = 400_000;
const ANSWERS_A_SECOND: f64 = 40_000.0;

/// Microseconds that this thread has spent on a processor.
fn cpu_us() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e3
}

/// Asks as fast as it can on one connection. Each body has its own answer of the same length.
async fn ask_all(address: std::net::SocketAddr, requests: usize) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let body = chat(&"a question of about two hundred bytes ".repeat(3));
    let head = format!(
        "POST /v1/a/b/openrouter/v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\
         content-type: application/json\r\nauthorization: Bearer sk-or-0123456789\r\n\
         cf-aig-authorization: Bearer 0123456789\r\ncf-aig-skip-cache: true\r\ncf-aig-max-attempts: 1\r\n\
         cf-aig-metadata: {{\"run\":\"1\",\"row\":\"1\",\"attempt\":1}}\r\nuser-agent: nightreel\r\n\r\n",
        body.len()
    );
    let request = format!("{head}{body}").into_bytes();
    let mut received = vec![0; 65_536];
    stream.write_all(&request).await.unwrap();
    let length = stream.read(&mut received).await.unwrap();
    for _ in 1..requests {
        stream.write_all(&request).await.unwrap();
        let mut rest = length;
        while rest > 0 {
            rest -= stream.read(&mut received[..rest]).await.unwrap();
        }
    }
}

fn serve(
    address: &std::sync::mpsc::Sender<std::net::SocketAddr>,
    done: tokio::sync::oneshot::Receiver<()>,
) -> (Stats, f64) {
    Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let simulator = start(Options { reply_bytes: Some(200), ..Options::default() }).await;
        address.send(simulator.address()).unwrap();
        done.await.unwrap();
        (simulator.stop().await, cpu_us())
    })
}

#[test]
#[ignore = "measures, and needs a release build and two idle cores"]
fn one_core_gives_forty_thousand_answers_a_second() {
    let (address_sender, address) = std::sync::mpsc::channel();
    let (done, is_done) = tokio::sync::oneshot::channel();
    let server = thread::spawn(move || serve(&address_sender, is_done));
    let address = address.recv().unwrap();
    let started = Instant::now();
    Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let asking: Vec<_> = (0..CONNECTIONS).map(|_| tokio::spawn(ask_all(address, REQUESTS / CONNECTIONS))).collect();
        for asked in asking {
            asked.await.unwrap();
        }
    });
    let seconds = started.elapsed().as_secs_f64();
    done.send(()).unwrap();
    let (stats, cpu_us) = server.join().unwrap();
    let (answers, requests) = (stats.answered[&200], f64::from(u32::try_from(REQUESTS).unwrap()));
    println!("{answers} answers, {:.0} a second, {:.1} µs CPU each, {stats:?}", requests / seconds, cpu_us / requests);
    assert!(requests / seconds > ANSWERS_A_SECOND);
}
