// Says what the OpenAI client for JavaScript makes of each kind of answer.
//
// Arguments are the steps to take; `all`, or no argument, is all of them but `miss`. The client reads
// OPENAI_BASE_URL and OPENAI_API_KEY itself. with_openai.py says the same in the same words.

const OpenAI = require("openai");
const { zodResponseFormat } = require("openai/helpers/zod");
const { z } = require("zod");

let requests = 0;
const counted = (...request) => {
  requests += 1;
  return fetch(...request);
};
const client = new OpenAI({ maxRetries: 2, timeout: 60_000, fetch: counted });
const model = "author/small";

const say = (step, text) => console.log(`${step}: ${text}`);
const ask = (content, more = {}) =>
  client.chat.completions.create({ model, messages: [{ role: "user", content }], ...more });
const textOf = (completion) => completion.choices[0].message.content;

async function plain() {
  const completion = await ask("Say hello.");
  const [reason, tokens] = [completion.choices[0].finish_reason, completion.usage.total_tokens];
  say("plain", `${textOf(completion)} (${reason}, ${tokens} tokens, ${completion.id})`);
}

async function repeated() {
  for (let time = 0; time < 3; time += 1) {
    say("repeated", textOf(await ask("Draw a number.", { temperature: 1 })));
  }
}

async function streamed() {
  const more = { stream: true, stream_options: { include_usage: true } };
  for await (const chunk of await ask("Count to three.", more)) {
    for (const choice of chunk.choices) say("streamed", choice.finish_reason ?? choice.delta.content);
    if (chunk.usage) say("streamed", `${chunk.usage.total_tokens} tokens`);
  }
}

const parameters = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};
const weather = {
  type: "function",
  function: { name: "get_weather", description: "The weather in a city.", parameters },
};
const question = { role: "user", content: "What is the weather in Oslo?" };

async function tools() {
  const asked = await client.chat.completions.create({ model, messages: [question], tools: [weather] });
  const { message } = asked.choices[0];
  const [call] = message.tool_calls;
  say("tools", `${call.id} ${call.function.name} ${call.function.arguments}`);
  const result = { role: "tool", tool_call_id: call.id, content: "7 degrees" };
  const messages = [question, message, result];
  say("tools", textOf(await client.chat.completions.create({ model, messages, tools: [weather] })));
}

async function tools_streamed() {
  let [name, given] = ["", ""];
  const asked = { model, messages: [question], tools: [weather], stream: true };
  for await (const chunk of await client.chat.completions.create(asked)) {
    for (const call of chunk.choices[0].delta.tool_calls ?? []) {
      name += call.function.name ?? "";
      given += call.function.arguments ?? "";
    }
  }
  say("tools streamed", `${name} ${given}`);
}

async function structured() {
  const book = z.object({ author: z.string(), year: z.number() });
  const messages = [{ role: "user", content: "Who wrote Solaris?" }];
  const response_format = zodResponseFormat(book, "book");
  const { parsed } = (await client.chat.completions.parse({ model, messages, response_format })).choices[0].message;
  say("structured", `${parsed.author}, ${parsed.year}`);
}

async function embeddings() {
  // Left alone, the client asks for base64 and decodes it.
  for (const more of [{}, { encoding_format: "float" }]) {
    const found = await client.embeddings.create({ model: "author/vectors", input: ["sea", "sky"], ...more });
    say("embeddings", found.data.map((item) => item.embedding.join(" ")).join(" | "));
  }
}

async function models() {
  const ids = [];
  for await (const { id } of client.models.list()) ids.push(id);
  say("models", ids.join(" "));
}

async function responses() {
  const response = await client.responses.create({ model, input: "Respond." });
  say("responses", `${response.output_text} (${response.usage.total_tokens} tokens)`);
  for await (const event of await client.responses.create({ model, input: "Respond.", stream: true })) {
    say("responses", `${event.type} ${event.delta ?? ""}`.trimEnd());
  }
}

async function completions() {
  say("completions", (await client.completions.create({ model, prompt: "Once upon" })).choices[0].text);
}

async function compressed() {
  const text = textOf(await ask("Compress it."));
  say("compressed", `${text.length} characters, ${text.slice(0, 13)}`);
}

async function at_once() {
  const joined = async (text) => {
    let said = "";
    for await (const chunk of await ask(text, { stream: true })) said += chunk.choices[0]?.delta.content ?? "";
    return said;
  };
  const asked = [ask("Say hello."), joined("Count to three."), ask("Compress it.")];
  const [hello, counted, compressed] = await Promise.all(asked);
  say("at once", `${textOf(hello)} | ${counted} | ${textOf(compressed).slice(0, 13)}`);
}

async function busy() {
  const before = requests;
  const text = textOf(await ask("Be busy once."));
  say("busy", `${text} (${requests - before} requests)`);
}

async function refused() {
  try {
    await ask("Be wrong.");
  } catch (error) {
    say("refused", `${error.constructor.name} ${error.status}: ${error.error.message}`);
  }
}

async function broken() {
  try {
    for await (const chunk of await ask("Break in the middle.", { stream: true })) {
      say("broken", chunk.choices[0].delta.content);
    }
  } catch (error) {
    say("broken", `${error.constructor.name}: ${error.message}`);
  }
}

async function cut() {
  try {
    for await (const chunk of await ask("Hang up in the middle.", { stream: true })) {
      say("cut", chunk.choices[0].delta.content);
    }
  } catch {
    // Which error it is depends on the client's own client.
    say("cut", "the connection ended within the answer");
  }
}

async function miss() {
  try {
    say("miss", textOf(await ask("Say what nobody has recorded.")));
  } catch (error) {
    say("miss", `${error.constructor.name} ${error.status} ${error.code}`);
  }
}

const steps = {
  plain, repeated, streamed, tools, tools_streamed, structured, embeddings, models, responses, completions,
  compressed, at_once, busy, refused, broken, cut,
};

async function main(names) {
  for (const name of names.length > 0 ? names : ["all"]) {
    const named = name === "all" ? Object.values(steps) : [{ ...steps, miss }[name]];
    for (const step of named) await step();
  }
}

main(process.argv.slice(2));
