//! Which recordings come nearest.

use super::*;

#[test]
fn the_three_nearest_are_told_and_recordings_of_one_key_count_once() {
    let mut recordings: Vec<_> =
        (0..50).map(|number| recorded(chat(&format!("What is {number} and {number}?")))).collect();
    recordings.extend((0..9).map(|_| recorded(chat("Why is the sky blue today?"))));
    recordings.push(recorded(chat("Why is the sky blue at all?")));
    let miss = explain(&recordings, &chat("Why is the sky blue?"), &KeyRules::default());
    let items: Vec<_> = miss.nearest.iter().map(|nearest| nearest.id.item().position()).collect();
    assert_eq!((items.len(), &items[..2]), (3, &[50, 59][..]));
}

/// A long prompt, with words that are its own.
fn report(words: [&str; 2]) -> String {
    let filler = "the harbour master wrote down what each of the ships had brought that day ".repeat(20);
    format!("Begin with {}. {filler}In between say {}. {filler}", words[0], words[1])
}

#[test]
fn the_recording_that_comes_first_is_the_one_that_was_changed() {
    let blue = "Why is the sky blue?";
    let system = |text: &str, question: &str| json!({ "model": "m", "messages": [{ "role": "system", "content": text }, { "role": "user", "content": question }] });
    let image = |data: &str, question: &str| {
        json!({ "model": "m", "messages": [{ "role": "user", "content": [
            { "type": "text", "text": question },
            { "type": "image_url", "image_url": { "url": format!("data:image/png;base64,{}", data.repeat(400)) } },
        ] }] })
    };
    let tools =
        |about: &str, question: &str| with(chat(question), "tools", json!([{ "name": "look", "about": about }]));
    let warm = |body: Value, temperature: u8| with(with(body, "temperature", temperature), "max_tokens", 64);
    let mut longer = chat(blue);
    longer["messages"].as_array_mut().unwrap().push(json!({ "role": "assistant", "content": "It scatters." }));
    for (name, asked, first, others) in [
        (
            "two words far apart in a long prompt",
            chat(&report(["salt", "rope"])),
            chat(&report(["corn", "wool"])),
            [chat("Begin with salt."), chat(&report(["a", "b"]).replace("ships", "boats")), chat(blue)],
        ),
        (
            "a parameter, among the same with another word in a long prompt",
            warm(chat(&report(["salt", "rope"])), 1),
            warm(chat(&report(["salt", "rope"])), 0),
            [warm(chat(&report(["corn", "rope"])), 1), warm(chat(&report(["salt", "wool"])), 1), warm(chat(blue), 1)],
        ),
        (
            "a word of the system's, among other questions to the same system",
            system(&report(["salt", "rope"]), blue),
            system(&report(["corn", "rope"]), blue),
            [
                system(&report(["salt", "rope"]), "Why is the sea green?"),
                system(&report(["salt", "rope"]), "How many ships?"),
                chat(blue),
            ],
        ),
        (
            "a message that came in",
            longer,
            chat(blue),
            [chat("Why is the sea salt?"), chat("Who?"), chat("It scatters.")],
        ),
        (
            "the schema of a tool",
            tools("new", blue),
            tools("old", blue),
            [tools("new", "Who looks?"), tools("new", "Why is it so?"), chat("Why is the sea salt?")],
        ),
        (
            "an image",
            image("abcd", blue),
            image("wxyz", blue),
            [image("abcd", "How many are there?"), image("wxyz", "How many are there?"), chat(blue)],
        ),
        (
            "a word among others without blanks",
            chat("天空为什么是蓝色的呢"),
            chat("天空为什么是红色的呢"),
            [chat("海水为什么这么咸"), chat("你叫什么名字"), chat(blue)],
        ),
        ("a letter of a short text", chat("hello"), chat("hallo"), [chat("good evening"), chat("bye"), chat("who")]),
    ] {
        let [one, two, three] = others.map(recorded);
        let miss = explain(&[one, two, recorded(first), three], &asked, &KeyRules::default());
        assert_eq!(miss.nearest[0].id.item().position(), 2, "{name}: {}", miss.message());
    }
}

#[test]
fn a_prompt_without_a_blank_is_compared_as_a_text() {
    let order = |number: usize, last: usize| {
        let items = (0..12).map(|item| json!({ "sku": format!("A-{}", number * 31 + item * 7), "count": item }));
        let order = json!({ "order": 1000 + number, "items": items.collect::<Vec<_>>(), "last": last });
        chat(&order.to_string())
    };
    let mut recordings: Vec<_> = (0..20).map(|number| recorded(order(number, 4))).collect();
    recordings.extend(["", "?"].map(|text| recorded(chat(text))));
    for number in [2, 19] {
        let miss = explain(&recordings, &order(number, 5), &KeyRules::default());
        assert_eq!(usize::try_from(miss.nearest[0].id.item().position()), Ok(number), "{}", miss.message());
    }
}

/// A body that says something in one of several ways.
type Shape<'a> = &'a dyn Fn(&str) -> Value;

#[test]
fn a_question_about_a_long_document_is_nearest_to_itself() {
    let blue = |number: usize| {
        let words = ["sky", "sea", "harbour", "road", "mountain"];
        format!("Say what colour the {} has, and why it is number {number}.", words[number])
    };
    let words = (0_u32..).map(|number| format!("w{} ", number.wrapping_mul(2_654_435_761) >> 16));
    let long: String = words.take(90_000).collect();
    let letters = "a b c d e f g h ".repeat(40_000);
    let chinese: String = (0..70_000).filter_map(|number| char::from_u32(0x4e00 + number * 7 % 20_000)).collect();
    let one = |text: String| json!({ "model": "m", "messages": [{ "role": "user", "content": text }] });
    let system = |document: &str, question: &str| {
        json!({ "model": "m", "messages": [
            { "role": "system", "content": document }, { "role": "user", "content": question },
        ] })
    };
    let likened = |body: Value| likeness::Likened::new(&profile::Profile::of(body.to_string().as_bytes()));
    let shapes: [(&str, Shape<'_>); 5] = [
        ("question behind", &|question| one(format!("{long}\n{question}"))),
        ("question before", &|question| one(format!("{question}\n{long}"))),
        ("document as the system's", &|question| system(&long, question)),
        ("document of many words", &|question| system(&letters, question)),
        ("document in Chinese", &|question| system(&chinese, question)),
    ];
    for (name, body) in shapes {
        let mut asked = likened(body(&blue(1).replace("what colour", "which colour")));
        let mut similarity = |number| {
            let recorded = profile::Profile::of(body(&blue(number)).to_string().as_bytes());
            asked.likeness(&recorded).similarity
        };
        let meant = similarity(1);
        for number in [0, 2, 3, 4] {
            assert!(similarity(number) < meant, "{name}: {number}");
        }
    }
}

#[test]
fn of_texts_that_are_as_alike_the_one_with_less_changed_is_nearest() {
    // In the middle of a long text only a sample counts.
    let text = |word: &str| chat(&format!("{}{word} {}", "word ".repeat(70_000), "word ".repeat(70_000)));
    let [far, near] = ["harbour", "harbor"].map(|word| Bytes::from(text(word).to_string()));
    let rules = KeyRules::default();
    let request = request(Endpoint::ChatCompletions, &text("harborx"), &rules);
    let asked = asked_for(&request, &rules);
    let candidates = [far, near]
        .into_iter()
        .enumerate()
        .map(|(at, body)| Candidate { body, ..candidate(at, &recorded(chat(&at.to_string())), &rules) });
    let nearest = Miss::explain(asked, candidates).nearest;
    assert_eq!(nearest.iter().map(|nearest| nearest.id.item().position()).collect::<Vec<_>>(), [1, 0]);
}

#[test]
fn a_bare_text_is_near_to_the_message_that_an_sdk_sends_for_it() {
    let question = |number: usize| format!("What is the capital of country number {number}?");
    let parts = |text: &str| json!([{ "role": "user", "content": [{ "type": "input_text", "text": text }] }]);
    let message = |text: &str| json!([{ "role": "user", "content": text }]);
    let bare = |text: &str| json!(text);
    let shapes: [Shape<'_>; 3] = [&bare, &message, &parts];
    let body = |input: Value| json!({ "model": "m", "instructions": "Be brief.", "input": input });
    for (one, other) in [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)] {
        let recordings: Vec<_> = (0..9).map(|number| recorded(body(shapes[one](&question(number))))).collect();
        let miss = explain(&recordings, &body(shapes[other](&question(4))), &KeyRules::default());
        assert_eq!(miss.nearest[0].id.item().position(), 4, "{one} {other}: {}", miss.message());
    }
    let system = json!({ "model": "m", "input": [
        { "role": "system", "content": "Talk as a pirate does." }, { "role": "user", "content": "Who?" },
    ] });
    let miss = explain(
        &[
            recorded(json!({ "model": "m", "instructions": "Talk as a judge would.", "input": "Who?" })),
            recorded(json!({ "model": "m", "instructions": "Talk as a pirate does.", "input": "Who?" })),
        ],
        &system,
        &KeyRules::default(),
    );
    assert_eq!(miss.nearest[0].id.item().position(), 1);
}

#[test]
fn what_has_nothing_in_common_with_any_is_near_to_none() {
    for asked in [Value::Null, json!("x"), json!([1, 2])] {
        let miss = explain(&[recorded(chat("Why is the sky blue?"))], &asked, &KeyRules::default());
        assert_eq!((&miss.reason, miss.nearest.len()), (&prompt_changed("$"), 0), "{}", miss.message());
    }
}

#[test]
fn of_two_that_are_as_near_the_one_that_is_likelier_meant_comes_first() {
    let rules = KeyRules::default();
    let request = request(Endpoint::ChatCompletions, &chat("x y z"), &rules);
    let asked = AskedFor { session: "s", ..asked_for(&request, &rules) };
    for (change, expected) in [
        (None, 0),
        (Some(Candidate { session: Some("s".into()), ..candidate(1, &recorded(chat("x y b")), &rules) }), 1),
        (Some(candidate(1, &recorded(chat("x y z b")), &rules)), 1),
    ] {
        let used = Candidate { was_handed_out: true, ..candidate(0, &recorded(chat("x y a")), &rules) };
        let second = change
            .unwrap_or_else(|| Candidate { was_handed_out: true, ..candidate(1, &recorded(chat("x y b")), &rules) });
        let nearest = Miss::explain(asked, [used, second]).nearest;
        assert_eq!(nearest[0].id.item().position(), expected);
    }
}
