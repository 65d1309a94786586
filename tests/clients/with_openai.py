"""Says what the OpenAI client for Python makes of each kind of answer.

Arguments are the steps to take; `all`, or no argument, is all of them but `miss`. The client reads
OPENAI_BASE_URL and OPENAI_API_KEY itself. with_openai.cjs says the same in the same words.
"""

import asyncio
import sys

import openai
from pydantic import BaseModel

client = openai.OpenAI(max_retries=2, timeout=60)
MODEL = "author/small"


def say(step, text):
    print(f"{step}: {text}", flush=True)


def ask(text, **more):
    return client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": text}], **more)


def text_of(completion):
    return completion.choices[0].message.content


def plain():
    completion = ask("Say hello.")
    reason, tokens = completion.choices[0].finish_reason, completion.usage.total_tokens
    say("plain", f"{text_of(completion)} ({reason}, {tokens} tokens, {completion.id})")


def repeated():
    for _ in range(3):
        say("repeated", text_of(ask("Draw a number.", temperature=1)))


def streamed():
    for chunk in ask("Count to three.", stream=True, stream_options={"include_usage": True}):
        for choice in chunk.choices:
            say("streamed", choice.finish_reason or choice.delta.content)
        if chunk.usage:
            say("streamed", f"{chunk.usage.total_tokens} tokens")


PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
WEATHER = {
    "type": "function",
    "function": {"name": "get_weather", "description": "The weather in a city.", "parameters": PARAMETERS},
}
QUESTION = {"role": "user", "content": "What is the weather in Oslo?"}


def tools():
    message = client.chat.completions.create(model=MODEL, messages=[QUESTION], tools=[WEATHER]).choices[0].message
    call = message.tool_calls[0]
    say("tools", f"{call.id} {call.function.name} {call.function.arguments}")
    result = {"role": "tool", "tool_call_id": call.id, "content": "7 degrees"}
    conversation = [QUESTION, message, result]
    say("tools", text_of(client.chat.completions.create(model=MODEL, messages=conversation, tools=[WEATHER])))


def tools_streamed():
    name, arguments = "", ""
    for chunk in client.chat.completions.create(model=MODEL, messages=[QUESTION], tools=[WEATHER], stream=True):
        for call in chunk.choices[0].delta.tool_calls or []:
            name += call.function.name or ""
            arguments += call.function.arguments or ""
    say("tools streamed", f"{name} {arguments}")


class Book(BaseModel):
    author: str
    year: int


def structured():
    question = [{"role": "user", "content": "Who wrote Solaris?"}]
    completion = client.chat.completions.parse(model=MODEL, messages=question, response_format=Book)
    book = completion.choices[0].message.parsed
    say("structured", f"{book.author}, {book.year}")


def embeddings():
    # Left alone, the client asks for base64 and decodes it.
    for more in ({}, {"encoding_format": "float"}):
        found = client.embeddings.create(model="author/vectors", input=["sea", "sky"], **more)
        vectors = [" ".join(f"{number:g}" for number in item.embedding) for item in found.data]
        say("embeddings", " | ".join(vectors))


def models():
    say("models", " ".join(model.id for model in client.models.list()))


def responses():
    response = client.responses.create(model=MODEL, input="Respond.")
    say("responses", f"{response.output_text} ({response.usage.total_tokens} tokens)")
    for event in client.responses.create(model=MODEL, input="Respond.", stream=True):
        say("responses", f"{event.type} {getattr(event, 'delta', '')}".rstrip())


def completions():
    say("completions", client.completions.create(model=MODEL, prompt="Once upon").choices[0].text)


def compressed():
    text = text_of(ask("Compress it."))
    say("compressed", f"{len(text)} characters, {text[:13]}")


def at_once():
    async def ask_async(text, **more):
        messages = [{"role": "user", "content": text}]
        return await asynchronous.chat.completions.create(model=MODEL, messages=messages, **more)

    async def joined(text):
        chunks = await ask_async(text, stream=True)
        return "".join([choice.delta.content or "" async for chunk in chunks for choice in chunk.choices])

    async def all_three():
        async with asynchronous:
            return await asyncio.gather(ask_async("Say hello."), joined("Count to three."), ask_async("Compress it."))

    asynchronous = openai.AsyncOpenAI(max_retries=2, timeout=60)
    hello, counted, compressed = asyncio.run(all_three())
    say("at once", f"{text_of(hello)} | {counted} | {text_of(compressed)[:13]}")


def busy():
    answer = client.chat.completions.with_raw_response.create(
        model=MODEL, messages=[{"role": "user", "content": "Be busy once."}]
    )
    say("busy", f"{text_of(answer.parse())} ({answer.retries_taken + 1} requests)")


def refused():
    try:
        ask("Be wrong.")
    except openai.APIStatusError as error:
        say("refused", f"{type(error).__name__} {error.status_code}: {error.body['message']}")


def broken():
    try:
        for chunk in ask("Break in the middle.", stream=True):
            say("broken", chunk.choices[0].delta.content)
    except openai.APIError as error:
        say("broken", f"{type(error).__name__}: {error.message}")


def cut():
    try:
        for chunk in ask("Hang up in the middle.", stream=True):
            say("cut", chunk.choices[0].delta.content)
    # Which error it is depends on the client's own client.
    except Exception:
        say("cut", "the connection ended within the answer")


def miss():
    try:
        say("miss", text_of(ask("Say what nobody has recorded.")))
    except openai.APIStatusError as error:
        say("miss", f"{type(error).__name__} {error.status_code} {error.code}")


STEPS = [
    plain, repeated, streamed, tools, tools_streamed, structured, embeddings, models, responses, completions,
    compressed, at_once, busy, refused, broken, cut,
]  # fmt: skip

if __name__ == "__main__":
    for name in sys.argv[1:] or ["all"]:
        for step in STEPS if name == "all" else [globals()[name]]:
            step()
