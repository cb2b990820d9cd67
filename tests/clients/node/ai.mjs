// The AI SDK, with its provider for OpenAI-compatible servers and the one for OpenAI itself.

import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateObject, generateText, streamText, tool } from "ai";
import { z } from "zod";
import { checkPerson, checkText, followUp, key, model as name, question, run, tokens, url } from "./harness.mjs";

const compatible = createOpenAICompatible({
  name: "engine",
  baseURL: url,
  apiKey: key,
  supportsStructuredOutputs: true,
})(name);
const openai = createOpenAI({ baseURL: url, apiKey: key });
const options = { maxOutputTokens: tokens, maxRetries: 0 };

await run({
  async chat() {
    for (const model of [compatible, openai.chat(name)]) {
      checkText((await generateText({ ...options, model, prompt: question })).text);
    }
  },

  async stream() {
    const { textStream } = streamText({ ...options, model: compatible, prompt: question });
    let text = "";
    for await (const part of textStream) text += part;
    checkText(text);
  },

  async multi_turn() {
    const messages = [{ role: "user", content: question }];
    const { response } = await generateText({ ...options, model: compatible, messages });
    messages.push(...response.messages, { role: "user", content: followUp });
    checkText((await generateText({ ...options, model: compatible, messages })).text);
  },

  async structured() {
    const schema = z.object({ name: z.string().max(12), age: z.number().int().min(1).max(99) });
    const prompt = "Who are you?";
    for (const model of [compatible, openai.chat(name)]) {
      checkPerson((await generateObject({ ...options, maxOutputTokens: 60, model, schema, prompt })).object);
    }
  },

  async tools() {
    const inputSchema = z.object({ name: z.string().max(12), age: z.number().int().min(1).max(99) });
    const tools = { savePerson: tool({ description: "Save somebody.", inputSchema }) };
    const prompt = "Save yourself.";
    const settings = { ...options, maxOutputTokens: 60, tools, toolChoice: "required", prompt };
    const { toolCalls } = await generateText({ ...settings, model: compatible });
    checkPerson(toolCalls[0].input);
  },

  async responses() {
    checkText((await generateText({ ...options, maxOutputTokens: 16, model: openai(name), prompt: question })).text);
  },
});
