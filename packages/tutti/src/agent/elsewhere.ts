/** What the options of agents are called in the AI SDK, LangChain, Mastra, CrewAI and the OpenAI Agents SDK, and how the same is written here. */
import type { Elsewhere } from '../primitives/index.ts'

const each = (names: string, code: string): Elsewhere => Object.fromEntries(names.split(' ').map((name) => [name, code]))

export const AGENT_ELSEWHERE: Elsewhere = {
  ...each('system systemPrompt systemMessage systemInstruction role goal backstory', "instructions: 'You …'"),
  ...each('llm models modelName languageModel chatModel', "model: 'openai/gpt-5-mini'"),
  ...each('fallbacks fallbackModels', "model: ['openai/gpt-5-mini', 'anthropic/claude-haiku-4-5']"),
  ...each('maxSteps maxTurns maxIterations maxIter recursionLimit stopWhen', 'limits: { turns: 8 }'),
  ...each('maxToolCalls', 'limits: { toolCalls: 20 }'),
  ...each('maxTokens maxOutputTokens maxCompletionTokens', 'limits: { outputTokens: 4_000 }'),
  ...each('budget maxBudget maxCost', 'limits: { usd: 0.05 }'),
  ...each('outputType outputSchema outputPydantic responseFormat responseModel structuredOutput experimentalOutput', 'output: schema'),
  ...each('inputSchema', 'input: schema, prompt: (input) => input.question'),
  ...each('maxRetries retries maxRetryLimit', "model: retry('openai/gpt-5-mini', { attempts: 3 })"),
  ...each('timeout', "model: timeout('openai/gpt-5-mini', { total: '1m' })"),
  ...each('maxRpm', "model: limit('openai/gpt-5-mini', { requestsPerMinute: 60 })"),
  ...each(
    'temperature topP topK frequencyPenalty presencePenalty modelSettings',
    'model: wrapLanguageModel({ model, middleware: defaultSettingsMiddleware({ settings: { temperature: 0 } }) }), both of the AI SDK',
  ),
  ...each('subagents agents', 'tools: [member.asTool()]'),
  ...each('handoffs', "team('desk', { style: 'handoff', members: [first, second] })"),
  ...each('handoffDescription', "description: 'Answers …'"),
  ...each('mcpServers', "tools: [mcp('files', { command: 'npx' })]"),
  ...each('knowledge knowledgeSources', "tools: [index('docs').asTool()]"),
  ...each('middleware prepareStep', 'hooks: { beforeModel: (event) => undefined }'),
  ...each('onStepFinish stepCallback callbacks', 'hooks: { afterModel: (event) => undefined }'),
  ...each('planning', 'plan: true'),
  ...each('store storage checkpointer saver', "tutti({ flows: [desk], store: sqlite('data/tutti.db') })"),
  ...each('messages chatHistory', 'app.run(desk, messages)'),
  ...each('deadline maxExecutionTime', "app.run(desk, question, { deadline: '5m' })"),
}
