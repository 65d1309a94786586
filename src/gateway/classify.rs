//! From a reply or a fault to what it means.

use std::time::Duration;

use jiff::Timestamp;

use super::envelope::{ErrorBody, Layer};
use super::hint;
use super::refusal::Refusal;
use super::unusable::{cut, title, unusable};
use super::verdict::{Ruling, Stops, Verdict, one_line};
use crate::model::{Answer, AnswerError, BodyShape, Class, End, Endpoint, Fault, FaultKind, Finish, Reply, Streamed};

/// How long to leave a gateway alone that refuses a token it took before.
const AFTER_REFUSED_TOKEN: Duration = Duration::from_secs(10);

/// Says what a reply or a fault means.
///
/// A 2xx proves nothing: an error may stand inside, and there may be no answer at all.
/// `run_has_answers` says that something of this run was answered already, so that a refusal of
/// credentials or of a path is about this request and not about the run.
#[must_use]
pub fn classify(endpoint: Endpoint, reply: &Result<Reply, Fault>, run_has_answers: bool) -> Verdict {
    classify_at(Timestamp::now(), endpoint, reply, run_has_answers)
}

pub(super) fn classify_at(
    now: Timestamp,
    endpoint: Endpoint,
    reply: &Result<Reply, Fault>,
    run_has_answers: bool,
) -> Verdict {
    match reply {
        Err(fault) => of_fault(fault),
        Ok(reply) => match reply.uncompressed() {
            Some(plain) => of_reply(now, endpoint, &plain, run_has_answers),
            None => of_reply(now, endpoint, reply, run_has_answers),
        },
    }
}

fn of_reply(now: Timestamp, endpoint: Endpoint, reply: &Reply, run_has_answers: bool) -> Verdict {
    match reply.status {
        200..=299 => of_success(now, endpoint, reply, run_has_answers),
        300..=399 => of_redirect(reply),
        _ => of_refusal(now, reply, &ErrorBody::of_refusal(&reply.body), run_has_answers),
    }
}

fn of_fault(fault: &Fault) -> Verdict {
    let class = match fault.kind {
        FaultKind::Connect => Class::NotConnected,
        FaultKind::Refused => Class::RefusedStream,
        FaultKind::Reset | FaultKind::GivenUp => Class::ConnectionLost,
        FaultKind::TimedOut => Class::TimedOut,
    };
    Verdict::failed(class, one_line(&fault.message))
}

fn of_success(now: Timestamp, endpoint: Endpoint, reply: &Reply, run_has_answers: bool) -> Verdict {
    if let Some(why) = unusable(reply) {
        return no_answer(reply, &why);
    }
    match reply.shape() {
        BodyShape::Json(body) => match ErrorBody::of_success(body) {
            Some(error) => of_refusal(now, reply, &error, run_has_answers),
            None => of_answer(reply, Answer::parse(endpoint, body)),
        },
        // What the server says of it goes before how the connection ended.
        BodyShape::Events => match ErrorBody::of_stream(&reply.body) {
            Some(error) => of_refusal(now, reply, &error, run_has_answers),
            None => of_stream(endpoint, reply),
        },
    }
}

fn of_stream(endpoint: Endpoint, reply: &Reply) -> Verdict {
    let streamed = Streamed::read(&reply.body);
    match cut(&streamed, reply) {
        Some(why) => no_answer(reply, &why),
        None => of_answer(reply, streamed.answer(endpoint)),
    }
}

fn of_answer(reply: &Reply, answer: Result<Answer, AnswerError>) -> Verdict {
    match answer {
        Ok(answer) if is_void(&answer, reply) => bad_body(reply, "the answer has no content and cost no tokens"),
        Ok(answer) => Verdict::answered(answer),
        Err(error) => bad_body(reply, &error.to_string()),
    }
}

/// A success without an answer, by how its body ended.
fn no_answer(reply: &Reply, why: &str) -> Verdict {
    let class = if reply.end == End::TimedOut { Class::TimedOut } else { Class::BadBody };
    Verdict { class, ..bad_body(reply, why) }
}

fn bad_body(reply: &Reply, why: &str) -> Verdict {
    Verdict::failed(Class::BadBody, format!("HTTP {}, but {why}", reply.status))
}

/// Whether an answer is empty because nothing was generated, and not because the model had
/// nothing to say. A cache's answer counts no tokens whatever it holds.
fn is_void(answer: &Answer, reply: &Reply) -> bool {
    let nothing_said = answer.finish_reason.is_none();
    let no_tokens = !reply.is_from_cache() && answer.usage.completion_tokens == Some(0);
    answer.finish == Finish::Empty && (nothing_said || no_tokens)
}

fn of_redirect(reply: &Reply) -> Verdict {
    let location = reply.header("location").unwrap_or("nowhere");
    let advice = if location.contains("cloudflareaccess.com") || location.contains("/cdn-cgi/access/") {
        "Cloudflare Access stands before it and wants a login"
    } else {
        "redirects are not followed, since they would carry the credentials along; is the base URL right?"
    };
    let message = format!("HTTP {}, a redirect to {}; {advice}", reply.status, one_line(location));
    Verdict { stops: Stops::Run, ..Verdict::failed(Class::Misconfigured, message) }
}

fn of_refusal(now: Timestamp, reply: &Reply, error: &ErrorBody, run_has_answers: bool) -> Verdict {
    let refusal = Refusal { reply, error, run_has_answers };
    let ruling = refusal.ruling();
    let refused_token = error.layer == Layer::Gateway && error.number == Some(2009) && run_has_answers;
    let wait = hint::wait(reply, error, now).or(refused_token.then_some(AFTER_REFUSED_TOKEN));
    let said = Verdict::failed(ruling.class, message(&refusal, ruling));
    Verdict { wait, stops: ruling.stops, in_doubt: refused_token, ..said }
}

/// Who says it, under which status and code, what, and what to do.
fn message(refusal: &Refusal<'_>, ruling: Ruling) -> String {
    let Refusal { reply, error, .. } = refusal;
    let who = match (error.layer, &error.provider) {
        (Layer::Gateway, _) => "the gateway".to_owned(),
        (Layer::CloudflareApi, _) => "Cloudflare's API".to_owned(),
        (_, Some(provider)) => format!("the provider {}", one_line(provider)),
        _ if error.openrouter || reply.header("x-generation-id").is_some() => "OpenRouter".to_owned(),
        _ => "the server".to_owned(),
    };
    let code = match (error.layer, error.number) {
        (Layer::Gateway | Layer::CloudflareApi, Some(code)) => format!(", code {code}"),
        _ if reply.status < 400 => format!(", with error {} inside", refusal.status()),
        _ => String::new(),
    };
    let said = error.detail().map(|detail| one_line(&detail)).filter(|said| !said.is_empty());
    let said = said.unwrap_or_else(|| said_plainly(&reply.body));
    let advice = if ruling.advice.is_empty() { String::new() } else { format!("; {}", ruling.advice) };
    format!("{who} (HTTP {}{code}): {said}{advice}", reply.status)
}

/// What a body says that has no error's shape: the title of a page, or its text.
fn said_plainly(body: &[u8]) -> String {
    let body = body.trim_ascii();
    if body.is_empty() {
        return "no reason is given".to_owned();
    }
    if body.starts_with(b"<") {
        return format!("a page of HTML{}", title(body));
    }
    one_line(&String::from_utf8_lossy(&body[..body.len().min(2000)]))
}
