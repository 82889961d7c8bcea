// What a program sees that uses OpenAI's own client against the node.
//   node client.mjs BASE_URL KEY MODEL
import OpenAI, { APIError, APIUserAbortError } from "openai";

const [baseURL, apiKey, model] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const ask = (more = {}) => ({
  model, max_tokens: 24, temperature: 0,
  messages: [{ role: "user", content: "What is machine learning?" }], ...more,
});
let failed = 0;
const check = (what, ok, detail = "") => {
  if (!ok) failed++;
  console.log(`${ok ? "ok" : "NOT OK"} - ${what}${ok || detail === "" ? "" : `: ${detail}`}`);
};
const refused = async (what, promise, status, code, param) => {
  try {
    await promise;
    check(what, false, "was accepted");
  } catch (e) {
    check(what, e instanceof APIError && e.status === status && e.code === code && (param === undefined || e.param === param),
      `${e.status} ${e.code} ${e.param} ${e.message}`);
  }
};

const models = await client.models.list();
check("models lists the model", models.data.some((m) => m.id === model && m.object === "model"));
check("a model by id", (await client.models.retrieve(model)).id === model);

const whole = await client.chat.completions.create(ask());
const text = whole.choices[0].message.content;
check("chat answers", text.length > 0 && whole.choices[0].message.role === "assistant");
check("usage adds up", whole.usage.prompt_tokens + whole.usage.completion_tokens === whole.usage.total_tokens);
check("a finish reason", ["stop", "length"].includes(whole.choices[0].finish_reason));
check("ids are unique", whole.id !== (await client.chat.completions.create(ask())).id);

let streamed = "", usage, finish, chunks = 0, first;
for await (const chunk of await client.chat.completions.create(ask({ stream: true, stream_options: { include_usage: true } }))) {
  chunks++;
  first ??= chunk;
  streamed += chunk.choices[0]?.delta?.content ?? "";
  finish = chunk.choices[0]?.finish_reason ?? finish;
  usage = chunk.usage ?? usage;
}
check("the stream says the same", streamed === text, `${JSON.stringify(streamed)} and ${JSON.stringify(text)}`);
check("the stream starts with the role", first.choices[0].delta.role === "assistant");
check("the stream comes in pieces", chunks > 3, chunks);
check("the stream ends with usage", usage?.completion_tokens === whole.usage.completion_tokens && finish === whole.choices[0].finish_reason);

const seeded = () => client.chat.completions.create(ask({ temperature: 1, seed: 42, top_p: 0.9 }));
const [a, b] = await Promise.all([seeded(), seeded()]);
check("a seed repeats, side by side", a.choices[0].message.content === b.choices[0].message.content);

const many = await client.chat.completions.create(ask({ n: 3, temperature: 1, seed: 7 }));
check("n choices", many.choices.length === 3 && many.choices.every((c, i) => c.index === i));

const stop = text.slice(5, 9);
const stopped = await client.chat.completions.create(ask({ stop: [stop] }));
check("stop cuts before the string", stopped.choices[0].message.content === text.slice(0, text.indexOf(stop)) && stopped.choices[0].finish_reason === "stop",
  JSON.stringify(stopped.choices[0]));

const logs = await client.chat.completions.create(ask({ logprobs: true, top_logprobs: 3, max_tokens: 4 }));
const lp = logs.choices[0].logprobs.content;
check("logprobs", lp.length === logs.usage.completion_tokens && lp.every((t) => t.top_logprobs.length === 3 && t.logprob <= 0 && t.top_logprobs[0].token === t.token));

const parts = await client.chat.completions.create(ask({
  messages: [{ role: "developer", content: "Be brief." }, { role: "user", content: [{ type: "text", text: "What is machine learning?" }] }],
}));
check("developer role and content parts", parts.choices[0].message.content.length > 0);
const short = await client.chat.completions.create(ask({ max_tokens: undefined, max_completion_tokens: 3 }));
check("max_completion_tokens", short.usage.completion_tokens === 3 && short.choices[0].finish_reason === "length");

const plain = await client.completions.create({ model, prompt: "The answer is", max_tokens: 8, temperature: 0 });
check("completions", plain.object === "text_completion" && plain.usage.completion_tokens > 0);
let plainText = "";
for await (const chunk of await client.completions.create({ model, prompt: "The answer is", max_tokens: 8, temperature: 0, stream: true }))
  plainText += chunk.choices[0]?.text ?? "";
check("completions stream the same", plainText === plain.choices[0].text);

await refused("unknown model", client.chat.completions.create(ask({ model: "no-such-model" })), 404, "model_not_found", "model");
await refused("bad key", new OpenAI({ baseURL, apiKey: "b3iq_local_nonsense", maxRetries: 0 }).models.list(), 401, "invalid_api_key");
await refused("temperature out of range", client.chat.completions.create(ask({ temperature: 9 })), 400, undefined ?? "invalid_value", "temperature");
await refused("context overflow", client.chat.completions.create(ask({ messages: [{ role: "user", content: "word ".repeat(20000) }] })), 400, "context_length_exceeded");

const gone = new AbortController();
try {
  const s = await client.chat.completions.create(ask({ stream: true, max_tokens: 200 }), { signal: gone.signal });
  for await (const chunk of s) { void chunk; gone.abort(); }
  check("a client that leaves", true);
} catch (e) {
  check("a client that leaves", e instanceof APIUserAbortError, e.message);
}
check("and the next is served", (await client.chat.completions.create(ask())).choices[0].message.content === text);

const all = await Promise.all(Array.from({ length: 64 }, async () => {
  let t = "";
  for await (const c of await client.chat.completions.create(ask({ stream: true }))) t += c.choices[0]?.delta?.content ?? "";
  return t;
}));
check("64 streams at once, all equal to the single one", all.every((t) => t === text), `${all.filter((t) => t !== text).length} differ`);

console.log(failed ? `${failed} failed` : "all passed");
process.exit(failed ? 1 : 0);
