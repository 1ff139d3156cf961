// Drives the SDKs through scenarios and prints what each returned or threw, one line of JSON each. The Python test compares.
// Argument: a JSON array of {scenario, url, key, headers}. Never asserts anything itself.
import { createReadStream, writeFileSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI from 'openai';
import Anthropic from '@anthropic-ai/sdk';

const messages = [{ role: 'user', content: 'say hello' }];
let options;
const openai = () =>
  new OpenAI({ baseURL: `${options.url}/v1`, apiKey: options.key, defaultHeaders: options.headers, maxRetries: 0 });
const anthropic = () =>
  new Anthropic({ baseURL: options.url, apiKey: options.key, defaultHeaders: options.headers, maxRetries: 0 });

async function pieces(stream, pick) {
  const found = [];
  for await (const event of stream) {
    const piece = pick(event);
    if (piece) found.push(piece);
  }
  return found;
}

const scenarios = {
  async chat() {
    const said = await openai().chat.completions.create({ model: 'gpt-4o-mini', messages });
    return [said.choices[0].message.content, said.usage.prompt_tokens];
  },
  async chat_stream() {
    const stream = await openai().chat.completions.create({ model: 'gpt-4o-mini', messages, stream: true });
    return pieces(stream, (event) => event.choices[0]?.delta?.content);
  },
  async tool() {
    const tools = [{ type: 'function', function: { name: 'weather', parameters: { type: 'object', properties: {} } } }];
    const said = await openai().chat.completions.create({ model: 'gpt-4o', messages, tools });
    return said.choices[0].message.tool_calls[0].function.arguments;
  },
  async embeddings() {
    return (await openai().embeddings.create({ model: 'text-embedding-3-small', input: 'x' })).data[0].embedding;
  },
  async responses() {
    return (await openai().responses.create({ model: 'gpt-4.1', input: 'x' })).output_text;
  },
  async responses_stream() {
    const stream = await openai().responses.create({ model: 'gpt-4.1', input: 'x', stream: true });
    return pieces(stream, (event) => event.type === 'response.output_text.delta' && event.delta);
  },
  async upload() {
    const path = join(mkdtempSync(join(tmpdir(), 'lectr-')), 'a.jsonl');
    writeFileSync(path, 'x'.repeat(2_000_000));
    return (await openai().files.create({ file: createReadStream(path), purpose: 'batch' })).id;
  },
  async chat_left() {
    const stream = await openai().chat.completions.create({ model: 'gpt-4o', messages, stream: true });
    for await (const event of stream) {
      stream.controller.abort();
      return event.id;
    }
  },
  async chat_error() {
    return openai().chat.completions.create({ model: 'gpt-4o', messages });
  },
  async message() {
    const said = await anthropic().messages.create({ model: 'claude-haiku-4-5', max_tokens: 9, messages });
    return [said.content[0].text, said.usage.cache_read_input_tokens];
  },
  async message_stream() {
    const stream = anthropic().messages.stream({ model: 'claude-haiku-4-5', max_tokens: 9, messages });
    const texts = [];
    stream.on('text', (text) => texts.push(text));
    const final = await stream.finalMessage();
    return [texts, final.usage.output_tokens];
  },
  async message_error() {
    return anthropic().messages.create({ model: 'claude-haiku-4-5', max_tokens: 9, messages });
  },
};

for (options of JSON.parse(process.argv[2])) {
  try {
    console.log(JSON.stringify({ said: await scenarios[options.scenario]() }));
  } catch (error) {
    const { status = null, message } = error;
    console.log(JSON.stringify({ threw: error.constructor.name, status, message: String(message) }));
  }
}
process.exit(0);
