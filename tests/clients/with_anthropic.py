"""Says what the Anthropic client for Python makes of each kind of answer.

Arguments are the steps to take; `all`, or no argument, is all of them but `miss`. The client reads
ANTHROPIC_BASE_URL and ANTHROPIC_API_KEY itself.
"""

import sys

import anthropic

client = anthropic.Anthropic(max_retries=2, timeout=60)


def ask(text):
    return {"model": "author/small", "max_tokens": 64, "messages": [{"role": "user", "content": text}]}


def say(step, text):
    print(f"{step}: {text}", flush=True)


def plain():
    message = client.messages.create(**ask("Say hello."))
    say("plain", f"{message.content[0].text} ({message.stop_reason}, {message.usage.output_tokens} tokens)")


def streamed():
    with client.messages.stream(**ask("Say hello.")) as stream:
        for text in stream.text_stream:
            say("streamed", text)
        say("streamed", stream.get_final_message().content[0].text)


def busy():
    answer = client.messages.with_raw_response.create(**ask("Be busy once."))
    say("busy", f"{answer.parse().content[0].text} ({answer.retries_taken + 1} requests)")


def miss():
    try:
        say("miss", client.messages.create(**ask("Say what nobody has recorded.")).content[0].text)
    except anthropic.APIStatusError as error:
        say("miss", f"{type(error).__name__} {error.status_code}")


if __name__ == "__main__":
    for name in sys.argv[1:] or ["all"]:
        for step in [plain, streamed, busy] if name == "all" else [globals()[name]]:
            step()
