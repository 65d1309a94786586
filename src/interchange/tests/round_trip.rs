//! What is written and read again is what it was.

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;

use crate::model::{Attempt, Chunk, Class, End, Endpoint, Fault, FaultKind, Header, KeyRules, Request, Timing};

use super::super::{ExchangeWriter, HarWriter};
use super::*;

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..60),
        any::<String>().prop_map(String::into_bytes),
        Just(gzip(ANSWER.as_bytes())),
        Just(zstd::encode_all(ANSWER.as_bytes(), 0).unwrap()),
        Just("data: é\n\ndata: [DO".as_bytes().to_vec()),
    ]
}

fn header() -> impl Strategy<Value = Header> {
    let name =
        prop::sample::select(vec!["content-type", "retry-after", "x-ratelimit-limit", "cf-ray", "content-encoding"]);
    let value = prop_oneof!["[ -~é]{0,12}", "gzip|zstd|deflate|br"];
    (name, value).prop_map(|(name, value)| Header { name: name.to_owned(), value })
}

fn reply() -> impl Strategy<Value = Result<Reply, Fault>> {
    let end = prop::sample::select(vec![End::Complete, End::Reset, End::TimedOut, End::GivenUp]);
    let whole =
        (200..600_u16, prop::collection::vec(header(), 0..5), body(), prop::collection::vec(0..20_usize, 0..6), end);
    let reply = whole.prop_map(|(status, headers, body, cuts, end)| {
        let mut left = body.len();
        let mut chunks: Vec<Chunk> = Vec::new();
        for (index, cut) in cuts.into_iter().enumerate() {
            let length = cut.min(left);
            left -= length;
            chunks.push(Chunk { offset_us: index as u64 * 1_001, length });
        }
        if let Some(last) = chunks.last_mut() {
            last.length += left;
        }
        Reply { status, headers, body: body.into(), chunks, end }
    });
    let kind =
        prop::sample::select(vec![FaultKind::Connect, FaultKind::Refused, FaultKind::Reset, FaultKind::TimedOut]);
    let fault = (kind, any::<String>()).prop_map(|(kind, message)| Fault { kind, message });
    prop_oneof![4 => reply.prop_map(Ok), 1 => fault.prop_map(Err)]
}

fn attempt() -> impl Strategy<Value = Attempt> {
    let timing = (any::<u32>(), any::<u32>(), any::<u32>()).prop_map(|(queued, first, total)| Timing {
        queued_us: queued.into(),
        first_byte_us: first.into(),
        total_us: total.into(),
    });
    let cost = || prop::option::of(0.0..9.0_f64);
    let class = prop::sample::select(Class::ALL.to_vec());
    (1..9_u32, 0..4_000_000_000_000_i64, timing, reply(), class, cost(), cost()).prop_map(
        |(number, sent_at_ms, timing, reply, class, cost_usd, assumed_cost_usd)| Attempt {
            number,
            sent_at_ms,
            timing,
            reply,
            class,
            cost_usd,
            assumed_cost_usd,
        },
    )
}

fn exchange() -> impl Strategy<Value = Exchange> {
    let endpoint = prop::sample::select(Endpoint::ALL.to_vec());
    let text = prop_oneof![
        Just(ASKED.to_owned()),
        Just("{\"a\":\"b c\",\"é\":\"&\"}".to_owned()),
        any::<String>()
            .prop_map(|text| format!(" {{ \"model\":\"x\",\n\"é\":{}}}", serde_json::to_string(&text).unwrap()))
    ];
    let session = prop::option::of(any::<String>().prop_map(Arc::<str>::from));
    (endpoint, any::<String>(), text, session, any::<u32>(), attempt(), any::<bool>()).prop_map(
        |(endpoint, model, body, session, occurrence, attempt, ignores)| {
            let ignore = if ignores { vec!["$.model".parse().unwrap()] } else { Vec::new() };
            let rules = KeyRules { ignore, ..KeyRules::default() };
            let request = Request::new(endpoint, model.into(), Bytes::from(body), &rules).unwrap();
            Exchange { request, session, occurrence, attempt }
        },
    )
}

proptest! {
    #[test]
    fn json_lines_lose_nothing(exchanges in prop::collection::vec(exchange(), 0..4)) {
        let mut writer = ExchangeWriter::new(Vec::new());
        for exchange in &exchanges {
            writer.write(exchange).unwrap();
        }
        let file = File::new("a.jsonl", writer.finish().unwrap());
        let imported = if exchanges.is_empty() { return Ok(()) } else { file.read_as(Some(ImportFormat::Exchanges)).unwrap() };
        prop_assert_eq!(left_out(&imported), Vec::<String>::new());
        prop_assert_eq!(imported.exchanges, exchanges);
    }

    #[test]
    fn an_archive_loses_nothing(exchanges in prop::collection::vec(exchange(), 0..4)) {
        let mut writer = HarWriter::new(Vec::new()).unwrap();
        for exchange in &exchanges {
            writer.write(exchange).unwrap();
        }
        let imported = imported("a.har", writer.finish().unwrap());
        prop_assert_eq!(left_out(&imported), Vec::<String>::new());
        prop_assert_eq!(imported.exchanges, exchanges);
    }
}

#[test]
fn a_line_that_contradicts_itself_is_left_out() {
    let line = |beside: &str| {
        format!(
            "{{\"endpoint\":\"responses\",\"request\":{{\"text\":\"{{}}\"}},\"model\":\"m\",\"class\":\"answered\",\"body\":{{\"text\":\"abc\"}}{beside}}}\n"
        )
    };
    let lines = [
        line(",\"status\":200"),
        line(",\"status\":200,\"chunks\":[[0,1],[0,1]]"),
        line(",\"status\":200,\"end\":\"never\""),
        line(",\"status\":200,\"key\":\"12\""),
        line(""),
        line(",\"status\":200,\"headers\":[[\"set-cookie\",\"secret\"],[\"CF-Ray\",\"1\"]]"),
        line(",\"fault\":{\"kind\":\"reset\",\"message\":\"gone\"}"),
        line(&format!(",\"status\":200,\"session\":\"{}\"", "s".repeat(257))),
        line(&format!(",\"status\":200,\"session\":\"{}\"", "s".repeat(256))),
        line(",\"status\":200,\"cost_usd\":-1"),
        line(",\"status\":200,\"assumed_cost_usd\":-0.5"),
        line(",\"status\":200,\"headers\":[[\"cf-ray\",\"1\\nx: y\"],[\"retry-after\",\"1\"]]"),
    ];
    let imported = imported("a.jsonl", lines.concat());
    let whys: Vec<&str> = imported.skipped.iter().map(|skipped| skipped.why.as_str()).collect();
    assert_eq!(
        whys,
        [
            "its chunks do not add up to its body",
            "a body does not end \"never\"",
            "its key is not 64 hexadecimal digits",
            "it has neither a response nor a fault",
            "its session's name has 257 bytes, and may have 256",
            "nothing costs -1 USD",
            "nothing costs -0.5 USD",
        ]
    );
    assert_eq!(headers(&imported.exchanges[4]), [("retry-after", "1")]);
    let notes: Vec<String> = imported.notes.iter().map(ToString::to_string).collect();
    assert_eq!(
        notes,
        [
            "interaction 12 (line 12): its response header cf-ray is left out: its value has a character that HTTP has no place for"
        ]
    );
    assert_eq!(headers(&imported.exchanges[1]), [("cf-ray", "1")]);
    assert_eq!(imported.exchanges[2].attempt.reply.as_ref().unwrap_err().message, "gone");
}
