// The openai package of npm.

import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import { check, checkPerson, checkText, followUp, key, model, question, run, tokens, url } from "./harness.mjs";

const client = new OpenAI({ baseURL: url, apiKey: key, maxRetries: 0 });
const person = z.object({ name: z.string().max(12), age: z.number().int().min(1).max(99) });

await run({
  async chat() {
    const messages = [{ role: "developer", content: "Be brief." }, { role: "user", content: question }];
    const answer = await client.chat.completions.create({ model, messages, max_completion_tokens: tokens });
    checkText(answer.choices[0].message.content);
  },

  async stream() {
    const messages = [{ role: "user", content: question }];
    const chunks = await client.chat.completions.create({ model, messages, max_completion_tokens: tokens, stream: true });
    let text = "";
    for await (const chunk of chunks) text += chunk.choices[0]?.delta?.content ?? "";
    checkText(text);
  },

  async multi_turn() {
    const messages = [{ role: "user", content: question }];
    let answer = await client.chat.completions.create({ model, messages, max_completion_tokens: tokens });
    messages.push(answer.choices[0].message, { role: "user", content: followUp });
    answer = await client.chat.completions.create({ model, messages, max_completion_tokens: tokens });
    checkText(answer.choices[0].message.content);
  },

  async structured() {
    const messages = [{ role: "user", content: "Who are you? Answer as JSON." }];
    const answer = await client.chat.completions.parse({
      model,
      messages,
      response_format: zodResponseFormat(person, "person"),
    });
    checkPerson(answer.choices[0].message.parsed);
  },

  async tools() {
    const parameters = z.toJSONSchema(person);
    const answer = await client.chat.completions.create({
      model,
      messages: [{ role: "user", content: "Save yourself." }],
      tools: [{ type: "function", function: { name: "save_person", parameters } }],
      tool_choice: "required",
    });
    checkPerson(JSON.parse(answer.choices[0].message.tool_calls[0].function.arguments));
  },

  async completions() {
    const answer = await client.completions.create({ model, prompt: "40, woman, flight ->", max_tokens: tokens });
    checkText(answer.choices[0].text);
  },

  async responses() {
    const answer = await client.responses.create({ model, input: question, max_output_tokens: 16 });
    checkText(answer.output_text);
  },

  async tuning() {
    const line = JSON.stringify({
      messages: [{ role: "user", content: question }, { role: "assistant", content: "Blue." }],
    });
    const content = new File([`${line}\n`.repeat(10)], "examples.jsonl");
    const file = await client.files.create({ file: content, purpose: "fine-tune" });
    await client.files.delete(file.id);
    const jobs = await client.fineTuning.jobs.list({ limit: 3 });
    check(Array.isArray(jobs.data), jobs);
  },

  async models() {
    const { data } = await client.models.list();
    check(data.some(({ id }) => id === model), data);
  },
});
