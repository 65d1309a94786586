//! A model that says what a script makes it say: the fixture is recorded from it, so that nothing is
//! paid for. The tests of a program of yours name a real one instead.

use std::collections::HashMap;
use std::io::{self, BufRead as _, BufReader, Read as _, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// How long the pieces of a stream are apart.
const APART: Duration = Duration::from_millis(5);

/// How often each request has come.
static ASKED: Mutex<Option<HashMap<String, usize>>> = Mutex::new(None);

/// What comes back.
enum Says {
    /// The message of an answer.
    Message(Value),
    /// Come back in a second.
    Later,
    /// A stream of texts, with or without its end.
    Texts(&'static [&'static str], bool),
}

/// Starts it; it answers as long as the process lives. Gives its base URL.
pub(crate) fn start() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || answer(stream.unwrap()).unwrap());
        }
    });
    format!("http://{address}/v1")
}

fn answer(stream: TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let body = read(&mut reader)?;
    let times = {
        let mut asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
        let times = asked.get_or_insert_default().entry(body.clone()).or_default();
        *times += 1;
        *times
    };
    write(reader.get_mut(), script(&serde_json::from_str(&body)?, times))
}

/// What is said to a request that came so many times.
fn script(body: &Value, times: usize) -> Says {
    let messages = body["messages"].as_array().unwrap();
    let said = messages[1]["content"].as_str().unwrap();
    let sorted = |category: &str, urgent: bool| {
        Says::Message(json!({"content": json!({"category": category, "urgent": urgent}).to_string(), "refusal": null}))
    };
    match said {
        _ if body["stream"] == true && said.contains("the line is bad") => {
            Says::Texts(&["Two customers", " ask"], false)
        }
        _ if body["stream"] == true => Says::Texts(&["One wants", " money back,", " one cannot", " sign in."], true),
        _ if body["tools"].is_array() => Says::Message(match messages.last().unwrap()["role"].as_str() {
            Some("tool") => json!({"content": "We are sorry. You get your $40 back today.", "refusal": null}),
            _ => json!({"content": null, "refusal": null, "tool_calls": [{
                "id": "call_9f2c", "type": "function",
                "function": {"name": "look_up", "arguments": "{\"order\":\"A-17\"}"},
            }]}),
        }),
        _ if said.contains("threatening") => {
            Says::Message(json!({"content": null, "refusal": "I cannot help with that."}))
        }
        _ if said.contains("Hello?") && times == 1 => Says::Later,
        _ if said.contains("It depends") => sorted(["refund", "account", "other"][(times - 1) % 3], false),
        _ if said.contains("money") => sorted("refund", false),
        _ if said.contains("sign in") => sorted("account", true),
        _ => sorted("other", false),
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> io::Result<String> {
    let (mut length, mut line) = (0, String::new());
    while reader.read_line(&mut line)? > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(String::from_utf8(body).unwrap())
}

fn write(stream: &mut TcpStream, says: Says) -> io::Result<()> {
    let (status, body) = match says {
        Says::Texts(texts, ends) => return stream_texts(stream, texts, ends),
        Says::Later => {
            ("429 Too Many Requests\r\nretry-after: 1", json!({"error": {"message": "come back later", "code": 429}}))
        }
        Says::Message(mut message) => {
            message["role"] = json!("assistant");
            let finish = if message["tool_calls"].is_array() { "tool_calls" } else { "stop" };
            let usage = json!({"prompt_tokens": 60, "completion_tokens": 12, "total_tokens": 72, "cost": 0.0001});
            (
                "200 OK",
                json!({"object": "chat.completion", "model": "openai/gpt-5-mini", "usage": usage,
                "choices": [{"index": 0, "message": message, "finish_reason": finish}]}),
            )
        }
    };
    let body = body.to_string();
    let length = body.len();
    write!(stream, "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
}

fn stream_texts(stream: &mut TcpStream, texts: &[&str], ends: bool) -> io::Result<()> {
    stream.set_nodelay(true)?;
    write!(stream, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")?;
    let finish = |text: Option<&str>| if text.is_none() { json!("stop") } else { Value::Null };
    let events = texts.iter().map(|text| Some(*text)).chain(ends.then_some(None));
    for text in events {
        let choice = json!({"index": 0, "delta": {"content": text.unwrap_or_default()}, "finish_reason": finish(text)});
        chunk(stream, &json!({"object": "chat.completion.chunk", "choices": [choice]}).to_string())?;
        thread::sleep(APART);
    }
    if ends {
        chunk(stream, "[DONE]")?;
        write!(stream, "0\r\n\r\n")?;
    }
    // Without the last chunk the answer has broken off.
    Ok(())
}

fn chunk(stream: &mut impl Write, data: &str) -> io::Result<()> {
    let event = format!("data: {data}\n\n");
    write!(stream, "{:x}\r\n{event}\r\n", event.len())
}
