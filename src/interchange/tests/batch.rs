//! `OpenAI` batches.

use super::super::{BatchPart, BatchWriter, read_batch};
use super::*;

fn input(lines: &[(&str, &str)]) -> String {
    let line = |(id, body): &(&str, &str)| {
        format!("{{\"custom_id\":\"{id}\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\",\"body\":{body}}}\n")
    };
    lines.iter().map(line).collect()
}

#[test]
fn requests_are_joined_with_their_results_in_any_order() {
    let requests = input(&[("a", "{\"model\": \"m\",  \"n\": 1}"), ("b", ASKED), ("c", ASKED), ("d", ASKED)]);
    let results = "{\"id\":\"1\",\"custom_id\":\"b\",\"response\":{\"status_code\":200,\"request_id\":\"r1\",\"body\":{\"x\":  1}},\"error\":null}\n\n\
                   {\"id\":\"2\",\"custom_id\":\"a\",\"response\":{\"status_code\":200,\"body\":[]},\"error\":null}\n\
                   {\"id\":\"3\",\"custom_id\":\"stranger\",\"response\":null,\"error\":null}\n\
                   {\"id\":\"4\",\"custom_id\":\"a\",\"response\":null,\"error\":null}\n";
    let errors = "{\"id\":\"5\",\"custom_id\":\"c\",\"response\":null,\"error\":{\"code\":\"batch_expired\"}}\n";
    let (requests, results, errors) =
        (File::new("in.jsonl", requests), File::new("out.jsonl", results), File::new("err.jsonl", errors));
    let imported = read_batch(requests.source(), vec![results.source(), errors.source()]).unwrap();
    let [first, second] = imported.exchanges.as_slice() else { panic!("{imported:?}") };
    assert_eq!((request_text(first), body_text(first)), ("{\"model\": \"m\",  \"n\": 1}", "[]"));
    assert_eq!((request_text(second), body_text(second)), (ASKED, "{\"x\":  1}"));
    assert_eq!(headers(second), [("content-type", "application/json"), ("x-request-id", "r1")]);
    let chat = "POST /v1/chat/completions";
    let beside = format!("{}/", results.directory.path().display());
    let left_out: Vec<String> = left_out(&imported).iter().map(|told| told.replace(&beside, "")).collect();
    assert_eq!(
        left_out,
        [
            format!("interaction 3 (line 3), {chat}: it has no response: {{\"code\":\"batch_expired\"}}"),
            format!("interaction 4 (line 4), {chat}: no output file has a result of \"d\""),
            "result 3 (line 4 of out.jsonl): a result of \"stranger\", which no request has for its custom_id"
                .to_owned(),
            "result 4 (line 5 of out.jsonl): \"a\" has a result already".to_owned(),
        ]
    );
}

#[test]
fn one_file_of_a_batch_is_not_enough() {
    let requests = File::new("in.jsonl", input(&[("a", ASKED)]));
    assert_eq!(
        requests.problem(),
        "in.jsonl holds the requests of a batch; name the file of its results too (--output FILE)"
    );
    let results = File::new("out.jsonl", "{\"custom_id\":\"a\",\"response\":null}");
    assert!(results.problem().starts_with("out.jsonl holds the results of a batch"));
    let broken = File::new("out.jsonl", "{\"custom_id\":\"a\",\"response\":null}\n{\"custom_id\":1}\n");
    let problem = read_batch(requests.source(), vec![broken.source()]).unwrap_err().to_string();
    assert!(problem.contains("out.jsonl:2:14: invalid type: integer"), "{problem}");
    for (input, output, said) in [
        (
            input(&[("a", ASKED)]) + "[]\n",
            "",
            "in.jsonl:2:1: it is not a request of a batch: an object with `custom_id`, ",
        ),
        (
            input(&[("a", ASKED)]),
            "[]\n",
            "out.jsonl:1:1: it is not a result of a batch: an object with `custom_id` and ",
        ),
        (input(&[("a", ASKED)]) + "{", "", "in.jsonl:2:1: EOF while parsing"),
    ] {
        let (requests, results) = (File::new("in.jsonl", input), File::new("out.jsonl", output));
        let problem = read_batch(requests.source(), vec![results.source()]).unwrap_err().to_string();
        assert!(problem.contains(said), "{problem}\n{said}");
    }
}

#[test]
fn results_of_anthropics_batches_are_told_as_what_they_are() {
    let requests = File::new("in.jsonl", input(&[("a", ASKED)]));
    let results = File::new("out.jsonl", "{\"custom_id\":\"a\",\"result\":{\"type\":\"succeeded\",\"message\":{}}}\n");
    let said =
        "out.jsonl holds the results of one of Anthropic's message batches, which have no requests and are not read";
    let problems = [
        results.read().unwrap_err(),
        results.read_as(Some(ImportFormat::OpenaiBatch)).unwrap_err(),
        read_batch(requests.source(), vec![results.source()]).unwrap_err(),
        read_batch(results.source(), vec![requests.source()]).unwrap_err(),
    ];
    for problem in problems.map(|problem| problem.to_string()) {
        assert!(problem.contains(said), "{problem}");
    }
}

#[test]
fn files_in_each_others_place_are_told() {
    let requests = || File::new("in.jsonl", input(&[("a", ASKED)]));
    let results = || File::new("out.jsonl", "{\"custom_id\":\"a\",\"response\":null,\"error\":null}\n");
    let empty = || File::new("out.jsonl", "");
    for (input, output, problem) in [
        (results(), requests(), Some("in.jsonl its requests: name them the other way round")),
        (
            requests(),
            requests(),
            Some("in.jsonl holds the requests of a batch, and no results of it, which --output names"),
        ),
        (
            results(),
            results(),
            Some("out.jsonl holds the results of a batch; import the file of its requests, with this one as --output"),
        ),
        (empty(), results(), Some("out.jsonl is empty: it holds no recordings")),
        (requests(), empty(), None),
    ] {
        let said = read_batch(input.source(), vec![output.source()]).map(|imported| left_out(&imported));
        match problem {
            Some(problem) => assert!(said.as_ref().unwrap_err().to_string().ends_with(problem), "{said:?}\n{problem}"),
            None => assert!(said.unwrap()[0].ends_with("no output file has a result of \"a\"")),
        }
    }
}

#[test]
fn a_second_request_of_an_id_and_a_status_that_is_none_are_left_out_with_the_reason() {
    let requests = File::new("in.jsonl", input(&[("a", ASKED), ("a", ASKED), ("b", ASKED), ("c", ASKED)]));
    let result =
        |id, status| format!("{{\"custom_id\":\"{id}\",\"response\":{{\"status_code\":{status},\"body\":{{}}}}}}\n");
    let cancelled = result("c", 0).replace("}}}", "}},\"error\":{\"code\":\"batch_cancelled\"}}");
    let results = File::new("out.jsonl", result("a", 200) + &result("b", 70) + &cancelled);
    let imported = read_batch(requests.source(), vec![results.source()]).unwrap();
    assert_eq!(imported.exchanges.len(), 1);
    let whys: Vec<&str> = imported.skipped.iter().map(|skipped| skipped.why.as_str()).collect();
    assert_eq!(
        whys,
        [
            "a request before it has its custom_id, \"a\", too",
            "its response has the status 70, which is none",
            "its response has the status 0, which is none; its error is {\"code\":\"batch_cancelled\"}",
        ]
    );
}

#[test]
fn the_two_files_that_are_written_are_read_again() {
    let cassette = format!(
        "interactions:\n- request: {{method: POST, uri: /v1/chat/completions, body: '{{\"model\":\n\n\n\"m\"}}'}}\n  response: {{status: {{code: \
         200}}, headers: {{x-request-id: r}}, body: {{string: '{ANSWER}'}}}}\n- request: {{method: POST, uri: /v1/chat/completions, body: \
         '{ASKED}'}}\n  response: {{status: {{code: 500}}, body: {{string: 'no JSON'}}}}\n- request: {{method: GET, uri: \
         /v1/models}}\n  response: {{status: {{code: 200}}, body: {{string: '{{}}'}}}}\n- request: {{method: POST, uri: /v1/chat/completions, \
         body: '{ASKED}'}}\n  response: {{status: {{code: 200}}, body: {{string: \"data: {{\\\"choices\\\":[{{\\\"delta\\\":{{\\\"content\\\":\\\"x\\\"}},\
         \\\"finish_reason\\\":\\\"stop\\\"}}]}}\\n\\ndata: [DONE]\\n\\n\"}}}}\n"
    );
    let taken = imported("a.yaml", cassette);
    assert_eq!(taken.exchanges.len(), 4);
    let written = |part| {
        let mut writer = BatchWriter::new(Vec::new(), part);
        let places: Vec<bool> = taken.exchanges.iter().map(|exchange| writer.write(exchange).unwrap()).collect();
        assert_eq!(places, [true, false, false, true]);
        writer.finish().unwrap()
    };
    let (requests, results) =
        (File::new("in.jsonl", written(BatchPart::Input)), File::new("out.jsonl", written(BatchPart::Output)));
    let again = read_batch(requests.source(), vec![results.source()]).unwrap();
    assert_eq!(left_out(&again), [""; 0]);
    assert_eq!(again.exchanges[0].request.key, taken.exchanges[0].request.key);
    assert_eq!(body_text(&again.exchanges[0]), ANSWER);
    assert_eq!(headers(&again.exchanges[0])[1], ("x-request-id", "r"));
    assert_eq!(again.exchanges[1].answer().unwrap().text(), Some("x"));
}
