//! What a job file may not have, with the text of every message.

use std::path::Path;

use super::Job;

/// The smallest job, to which a test adds its lines.
const SMALL: &str = "[input]\npath = \"rows.csv\"\n[request]\nmodels = [\"m\"]\nprompt = \"{{ q }}\"\n";

fn small(line: &str) -> String {
    format!("{SMALL}{line}\n")
}

fn refusal(text: &str) -> String {
    Job::from_text(Path::new("jobs/a.toml"), text, &[]).unwrap_err().to_string()
}

#[test]
fn a_wrong_request_is_named_with_its_place() {
    for (text, expected) in [
        (small("samples = 0"), "jobs/a.toml:6:11: request.samples must be a whole number from 1 to 10000, not 0"),
        (
            small("samples = 999999999"),
            "jobs/a.toml:6:11: request.samples must be a whole number from 1 to 10000, not 999999999",
        ),
        (
            small("samples = 1.5"),
            "jobs/a.toml:6:11: request.samples must be a whole number, not a number with a fraction",
        ),
        (small("samples = \"3\""), "jobs/a.toml:6:11: request.samples must be a whole number, not a string"),
        (
            small("endpoint = \"embeddings\"\nstream = true"),
            "jobs/a.toml:7:1: request.stream cannot go with the endpoint \"embeddings\", which streams nothing; remove it",
        ),
        (small("stream = 1"), "jobs/a.toml:6:10: request.stream must be true or false, not a whole number"),
        (small("system = \"\""), "jobs/a.toml:6:10: request.system is empty"),
        (
            small("system = 1979-05-27"),
            "jobs/a.toml:6:10: request.system must be a string, not a date or time without quotes",
        ),
        (
            small("endpoint = \"chat\""),
            "jobs/a.toml:6:12: request.endpoint cannot be \"chat\"; did you mean \"chat/completions\"?",
        ),
        (
            small("endpoint = \"x\""),
            "jobs/a.toml:6:12: request.endpoint cannot be \"x\"; known are chat/completions, completions, embeddings, responses, messages",
        ),
        (
            small("messages = [{ role = \"user\", content = \"x\" }]"),
            "jobs/a.toml:6:1: request.messages cannot go with request.prompt; keep one of them",
        ),
        (
            small("params = { model = \"x\" }"),
            "jobs/a.toml:6:1: request.params cannot have \"model\"; write it as request.models",
        ),
        (
            small("params = { messages = [] }"),
            "jobs/a.toml:6:1: request.params cannot have \"messages\"; write it as request.prompt or request.messages",
        ),
        (
            small("params = { stream = true }"),
            "jobs/a.toml:6:1: request.params cannot have \"stream\"; write it as request.stream",
        ),
        (
            small("params = { a = { b = nan } }"),
            "jobs/a.toml:6:22: request.params.a.b must be a finite number: JSON has no other",
        ),
        (
            small("params = { a = [1e999] }"),
            "jobs/a.toml:6:17: request.params.a[0] must be a finite number: JSON has no other",
        ),
        (
            small("params = { a = 99999999999999999999 }"),
            "jobs/a.toml:6:16: request.params.a must be a whole number of 64 bits at most",
        ),
        (
            small("params = { a = 1979-05-27 }"),
            "jobs/a.toml:6:16: request.params.a is a date or time, which JSON has not; put it in quotes: \"1979-05-27\"",
        ),
        (small("params = 1"), "jobs/a.toml:6:10: request.params must be a table, not a whole number"),
        (
            small("endpoint = \"messages\""),
            "jobs/a.toml:3:1: request.params must have max_tokens for the endpoint \"messages\"; write max_tokens = 1024 in it",
        ),
        (
            small("endpoint = \"embeddings\"\nsystem = \"x\""),
            "jobs/a.toml:7:1: request.system cannot go with the endpoint \"embeddings\", which takes one text; use prompt",
        ),
    ] {
        assert_eq!(refusal(&text), expected);
    }
}

#[test]
fn an_unknown_key_is_named_with_its_place_and_the_nearest_name() {
    for (text, expected) in [
        (small("modles = []"), "jobs/a.toml:6:1: unknown key request.modles; did you mean \"models\"?"),
        (small("[limit]\nrpm = 1"), "jobs/a.toml:6:2: unknown key limit; did you mean \"limits\"?"),
        (
            small("[retry]\nzzz = 1"),
            "jobs/a.toml:7:1: unknown key retry.zzz; known here are attempts, rate_limited, server_error, bad_body, outcome_unknown, max_pause, max_hint",
        ),
        (
            small("[limits.model.m]\nrequests_per_minut = 1"),
            "jobs/a.toml:7:1: unknown key limits.model.m.requests_per_minut; did you mean \"requests_per_minute\"?",
        ),
        (
            small("\"a b\" = 1"),
            "jobs/a.toml:6:1: unknown key request.\"a b\"; known here are models, system, prompt, messages, turns, params, endpoint, samples, stream",
        ),
        (
            small("[[check]]\nkind = \"exact\""),
            "jobs/a.toml:6:3: check is not supported by this version of nightreel; remove it",
        ),
    ] {
        assert_eq!(refusal(&text), expected);
    }
}

#[test]
fn a_wrong_limit_time_or_gateway_is_named_with_its_place() {
    for (text, expected) in [
        (
            small("[limits]\nbudget_usd = -1"),
            "jobs/a.toml:7:14: limits.budget_usd must be a number of zero or more, not -1",
        ),
        (
            small("[limits]\nbudget_usd = nan"),
            "jobs/a.toml:7:14: limits.budget_usd must be a number of zero or more, not NaN",
        ),
        (
            small("[limits]\nin_flight = 0"),
            "jobs/a.toml:7:13: limits.in_flight must be a whole number from 1 to 100000, not 0",
        ),
        (
            small("[limits]\nin_flight = 100001"),
            "jobs/a.toml:7:13: limits.in_flight must be a whole number from 1 to 100000, not 100001",
        ),
        (
            small("[limits]\nin_flight = \"auot\""),
            "jobs/a.toml:7:13: limits.in_flight cannot be \"auot\"; did you mean \"auto\"?",
        ),
        (
            small("[limits]\nrequests_per_minute = 0"),
            "jobs/a.toml:7:23: limits.requests_per_minute must be a whole number from 1 to 4294967295, not 0",
        ),
        (
            small("[limits.model.n]\nrequests_per_minute = 1"),
            "jobs/a.toml:6:1: limits.model.n is for a model that is not asked; request.models has m",
        ),
        (
            small("[retry]\nattempts = 0"),
            "jobs/a.toml:7:12: retry.attempts must be a whole number from 1 to 1000, not 0",
        ),
        (
            small("[timeouts]\nidle = 10"),
            "jobs/a.toml:7:8: timeouts.idle must be a time such as \"10s\", \"1.5m\", \"250ms\" or \"2h\"",
        ),
        (
            small("[retry]\noutcome_unknown = -1"),
            "jobs/a.toml:7:19: retry.outcome_unknown must be a whole number from 0 to 1000, not -1",
        ),
        (
            small("[retry]\nmax_hint = \"25h\""),
            "jobs/a.toml:7:12: retry.max_hint must be a time from \"1ms\" to \"24h\"",
        ),
        (small("[timeouts]\nrun = \"721h\""), "jobs/a.toml:7:7: timeouts.run must be a time from \"1ms\" to \"720h\""),
        (small("[timeouts]\nidle = \"0s\""), "jobs/a.toml:7:8: timeouts.idle must be a time from \"1ms\" to \"24h\""),
        (
            small("[timeouts]\nidle = \"99999999999999999999999h\""),
            "jobs/a.toml:7:8: timeouts.idle must be a time from \"1ms\" to \"24h\"",
        ),
        (
            small("[record]\nmode = \"reply\""),
            "jobs/a.toml:7:8: record.mode cannot be \"reply\"; did you mean \"replay\"?",
        ),
        (
            small("[record]\nignore = [\"user\"]"),
            "jobs/a.toml:7:11: record.ignore[0] cannot be read: \"user\" is not a path of names, indexes and *, such as $.user or $.messages[*].name: it does not start with $",
        ),
        (
            small("[record]\nnormalise = [\"timestamp\"]"),
            "jobs/a.toml:7:14: record.normalise[0] cannot be \"timestamp\"; did you mean \"timestamps\"?",
        ),
        (
            small("[record]\nnormalise = [\"ids\", \"everything\"]"),
            "jobs/a.toml:7:21: record.normalise[1] cannot be read: unknown normaliser \"everything\"; known are timestamps, ids, tool-call-ids, model-dates and pattern:REGEX",
        ),
        (
            small("[record]\nnormalise = [\"pattern:(\"]"),
            "jobs/a.toml:7:14: record.normalise[0] cannot be read: \"(\" is not a regular expression: unclosed group",
        ),
        (
            small("[gateway]\napi_key_env = \"sk-or-v1-secret\""),
            "jobs/a.toml:7:15: gateway.api_key_env must be the name of an environment variable, such as OPENROUTER_API_KEY, never the secret itself",
        ),
        (
            small("[gateway]\naccount_id = \"${A B}\""),
            "jobs/a.toml:7:14: gateway.account_id has a \"${\" that is not the start of a ${NAME}",
        ),
        (
            small("[gateway]\naccount_id = \"a\"\nbase_url = \"b\""),
            "jobs/a.toml:8:1: gateway.base_url cannot go with gateway.account_id; keep one of them",
        ),
    ] {
        assert_eq!(refusal(&text), expected);
    }
}

#[test]
fn what_is_missing_or_wrong_in_the_file_as_a_whole_is_named() {
    for (text, expected) in [
        ("name = \"\"\n".to_owned() + SMALL, "jobs/a.toml:1:1: name is empty"),
        ("name = \"a\\u0007\"\n".to_owned() + SMALL, "jobs/a.toml:1:1: name must not have control characters"),
        (
            format!("name = \"{}\"\n{SMALL}", "x".repeat(101)),
            "jobs/a.toml:1:1: name must not be longer than 100 characters",
        ),
        (String::new(), "jobs/a.toml: input.path is missing; write path = \"rows.csv\" under [input]"),
        ("input = 1".to_owned(), "jobs/a.toml:1:9: input must be a table, not a whole number"),
        (
            "[input]\npath = \"a\"\ndelimiter = \"::\"".to_owned(),
            "jobs/a.toml:3:13: input.delimiter must be one ASCII character that is no quote and no line end, such as \";\"",
        ),
        (
            "[input]\npath = \"a\"\nformat = \"jsonl\"\ndelimiter = \",\"".to_owned(),
            "jobs/a.toml:4:1: input.delimiter has no meaning for the format \"jsonl\"",
        ),
        (
            "[input]\npath = \"a\"\nformat = \"json\"".to_owned(),
            "jobs/a.toml:3:10: input.format cannot be \"json\"; did you mean \"jsonl\"?",
        ),
        (
            "[input]\npath = \"a\"".to_owned(),
            "jobs/a.toml: request.models is missing; write models = [\"openai/gpt-5-mini\"] under [request]",
        ),
        (
            "[input]\npath = \"a\"\n[request]\nmodels = \"m\"".to_owned(),
            "jobs/a.toml:4:10: request.models must be a list of strings, not a string; put it in [ ]",
        ),
        (
            "[input]\npath = \"a\"\n[request]\nmodels = []".to_owned(),
            "jobs/a.toml:4:1: request.models is an empty list; name at least one",
        ),
        (
            "[input]\npath = \"a\"\n[request]\nmodels = [\"m\", \"\"]".to_owned(),
            "jobs/a.toml:4:16: request.models[1] is empty",
        ),
        (
            "[input]\npath = \"a\"\n[request]\nmodels = [\"m\", \"m\"]".to_owned(),
            "jobs/a.toml:4:1: request.models names \"m\" twice; to ask it again, raise request.samples",
        ),
        (
            "[input]\npath = \"a\"\n[request]\nmodels = [\"m\"]".to_owned(),
            "jobs/a.toml:3:1: request.prompt is missing; write prompt = \"{{ column }}\" under [request]",
        ),
    ] {
        assert_eq!(refusal(&text), expected);
    }
}

#[test]
fn messages_are_checked_each() {
    let job = |messages: &str| format!("[input]\npath = \"a\"\n[request]\nmodels = [\"m\"]\n{messages}\n");
    for (messages, expected) in [
        ("messages = []", "jobs/a.toml:5:1: request.messages is an empty list; name at least one"),
        (
            "messages = [{ content = \"x\" }]",
            "jobs/a.toml:5:13: request.messages[0].role is missing; write role = \"user\"",
        ),
        (
            "messages = [{ role = \"user\" }]",
            "jobs/a.toml:5:13: request.messages[0].content is missing; write content = \"{{ column }}\"",
        ),
        (
            "messages = [{ role = \"usr\", content = \"x\" }]",
            "jobs/a.toml:5:22: request.messages[0].role cannot be \"usr\"; did you mean \"user\"?",
        ),
        (
            "messages = [{ role = \"user\", content = 1 }]",
            "jobs/a.toml:5:40: request.messages[0].content must be a string or a list of content parts",
        ),
        (
            "messages = [{ role = \"user\", contnet = \"x\" }]",
            "jobs/a.toml:5:30: unknown key request.messages[0].contnet; did you mean \"content\"?",
        ),
        (
            "system = \"s\"\nmessages = [{ role = \"system\", content = \"x\" }]",
            "jobs/a.toml:5:1: request.system cannot go with a system message in request.messages; keep one of them",
        ),
        (
            "endpoint = \"messages\"\nparams = { max_tokens = 1 }\nmessages = [{ role = \"system\", content = \"x\" }]",
            "jobs/a.toml:7:1: request.messages cannot have a system message for the endpoint \"messages\"; write it as request.system",
        ),
    ] {
        assert_eq!(refusal(&job(messages)), expected);
    }
}

#[test]
fn a_format_that_brings_requests_takes_no_template() {
    let job = |line: &str| format!("[input]\npath = \"a\"\nformat = \"openai-batch\"\n[request]\n{line}\n");
    assert!(
        Job::from_text(Path::new("a.toml"), "[input]\npath = \"a\"\nformat = \"requests\"\n", &[])
            .unwrap()
            .request
            .models
            .is_empty()
    );
    assert_eq!(Job::from_text(Path::new("a.toml"), &job("models = [\"m\"]"), &[]).unwrap().request.models, ["m"]);
    for name in ["prompt = \"x\"", "system = \"x\"", "turns = [\"x\"]", "params = {}", "stream = true"] {
        let key = name.split_once(' ').unwrap().0;
        assert_eq!(
            refusal(&job(name)),
            format!(
                "jobs/a.toml:5:1: request.{key} cannot go with input.format = \"openai-batch\": each line is a whole \
                 request and is sent as it is"
            )
        );
    }
}

#[test]
fn text_that_is_no_toml_is_shown_with_its_line() {
    assert_eq!(
        refusal("name = \"a\"\n\tinput = [\n"),
        "jobs/a.toml:2:11: not TOML: unclosed array, expected `]`\n  |\n2 | \tinput = [\n  | \t         ^"
    );
    assert_eq!(
        refusal("name = \"a\"\nname = \"b\""),
        "jobs/a.toml:2:1: not TOML: duplicate key\n  |\n2 | name = \"b\"\n  | ^"
    );
    assert_eq!(
        refusal("größe = 1"),
        "jobs/a.toml:1:3: not TOML: invalid unquoted key, expected letters, numbers, `-`, `_`\n  |\n1 | größe = 1\n  |   ^"
    );
}

#[test]
fn what_a_gateway_cannot_be_told_is_named_with_its_place() {
    let whole = "must be a time from \"60s\" to \"30d\", in whole seconds, or 0 for no cache";
    let time = "must be a number of seconds, or a time such as \"10m\" or \"1d\"";
    let ascii = "goes into a header, so it must be ASCII without control characters";
    let page = "must be the address of a page, such as https://example.com/project";
    for (line, key, problem) in [
        ("cache_ttl = 59", "cache_ttl", whole),
        ("cache_ttl = -1", "cache_ttl", whole),
        ("cache_ttl = 90.5", "cache_ttl", whole),
        ("cache_ttl = \"31d\"", "cache_ttl", whole),
        ("cache_ttl = \"90500ms\"", "cache_ttl", whole),
        ("cache_ttl = \"soon\"", "cache_ttl", time),
        ("cache_ttl = true", "cache_ttl", time),
        ("cache_key = \"\"", "cache_key", "is empty"),
        ("cache_key = \"ä\"", "cache_key", ascii),
        ("cache_key = \"a\\nb\"", "cache_key", ascii),
        ("byok_alias = \"team \"", "byok_alias", "must not begin or end with a blank"),
        (
            "byok_alias = \"sk-hidden\"",
            "byok_alias",
            "must be the name of a key that the gateway stores, never the key itself",
        ),
        ("collect_log = \"no\"", "collect_log", "must be true or false, not a string"),
        ("request_timeout = 5", "request_timeout", "must be a time such as \"10s\", \"1.5m\", \"250ms\" or \"2h\""),
        ("custom_cost = 1", "custom_cost", "must be a table, not a whole number"),
        ("title = \"a\\tb\"", "title", ascii),
        ("referer = \"example.com\"", "referer", page),
        ("referer = \"https://u:hidden@example.com\"", "referer", "must not have a user name or a password in it"),
        ("categories = \"a\"", "categories", "must be a list of strings, not a string; put it in [ ]"),
        ("categories = [\"a\", \"b\", \"c\"]", "categories", "must not have more than 2 categories"),
        ("router_metadata = 1", "router_metadata", "must be true or false, not a whole number"),
        (
            "metadata = { a = 1, b = 2, c = 3 }",
            "metadata",
            "must not have more than 2 entries: a gateway keeps five, and run, item and attempt are three",
        ),
    ] {
        let at = line.find(" = ").unwrap() + 4;
        let expected = format!("jobs/a.toml:7:{at}: gateway.{key} {problem}");
        assert_eq!(refusal(&small(&format!("[gateway]\n{line}"))), expected);
    }
}

#[test]
fn an_entry_that_a_gateway_does_not_keep_is_named_with_its_place() {
    for (entry, key, problem) in [
        ("run = 1", "metadata.run", "is nightreel's own entry; give it another name"),
        ("\"cf.x\" = 1", "metadata.\"cf.x\"", "must not begin with \"cf.\", which is the gateway's own"),
        ("cf.x = 1", "metadata.cf", "must be a string, a number or a boolean"),
        ("a = [1]", "metadata.a", "must be a string, a number or a boolean"),
        ("\"\" = 1", "metadata.\"\"", "must have a name of 1 to 200 characters"),
    ] {
        let said = refusal(&small(&format!("[gateway]\nmetadata = {{ {entry} }}")));
        assert!(said.starts_with("jobs/a.toml:7:") && said.ends_with(&format!(": gateway.{key} {problem}")), "{said}");
    }
    let long = refusal(&small(&format!("[gateway]\nmetadata = {{ a = \"{}\" }}", "x".repeat(201))));
    assert!(long.ends_with("gateway.metadata.a must not be longer than 200 characters"), "{long}");
    let half = refusal(&small("[gateway]\ncustom_cost = { per_token_in = 1 }"));
    assert!(half.contains("gateway.custom_cost.per_token_out"), "{half}");
    let unknown = refusal(&small("[gateway]\ncache_tll = 60"));
    assert_eq!(unknown, "jobs/a.toml:7:1: unknown key gateway.cache_tll; did you mean \"cache_ttl\"?");
}
