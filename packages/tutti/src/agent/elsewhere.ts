/** What the options of agents are called in the AI SDK, LangChain, Mastra, CrewAI and the OpenAI Agents SDK, and how the same is written here. */
import { type Elsewhere, insteadOf } from '../primitives/index.ts'

export const AGENT_ELSEWHERE: Elsewhere = {
  ...insteadOf('system systemPrompt systemMessage systemInstruction role goal backstory', "instructions: 'You …'"),
  ...insteadOf('llm models modelName languageModel chatModel', "model: 'openai/gpt-5-mini'"),
  ...insteadOf('fallbacks fallbackModels', "model: ['openai/gpt-5-mini', 'anthropic/claude-haiku-4-5']"),
  ...insteadOf('maxSteps maxTurns maxIterations maxIter recursionLimit stopWhen', 'limits: { turns: 8 }'),
  ...insteadOf('maxToolCalls', 'limits: { toolCalls: 20 }'),
  ...insteadOf('maxTokens maxOutputTokens maxCompletionTokens', 'limits: { outputTokens: 4_000 }'),
  ...insteadOf('budget maxBudget maxCost', 'limits: { usd: 0.05 }'),
  ...insteadOf('outputType outputSchema outputPydantic responseFormat responseModel structuredOutput experimentalOutput', 'output: schema'),
  ...insteadOf('inputSchema', 'input: schema, prompt: (input) => input.question'),
  ...insteadOf('maxRetries retries maxRetryLimit', "model: retry('openai/gpt-5-mini', { attempts: 3 })"),
  ...insteadOf('timeout', "model: timeout('openai/gpt-5-mini', { total: '1m' })"),
  ...insteadOf('maxRpm', "model: limit('openai/gpt-5-mini', { requestsPerMinute: 60 })"),
  ...insteadOf(
    'temperature topP topK frequencyPenalty presencePenalty modelSettings',
    'model: wrapLanguageModel({ model, middleware: defaultSettingsMiddleware({ settings: { temperature: 0 } }) }), both of the AI SDK',
  ),
  ...insteadOf('subagents agents', 'tools: [member.asTool()]'),
  ...insteadOf('handoffs', "team('desk', { style: 'handoff', members: [first, second] })"),
  ...insteadOf('handoffDescription', "description: 'Answers …'"),
  ...insteadOf('mcpServers', "tools: [mcp('files', { command: 'npx' })]"),
  ...insteadOf('knowledge knowledgeSources', "tools: [index('docs').asTool()]"),
  ...insteadOf('middleware prepareStep', 'hooks: { beforeModel: (event) => undefined }'),
  ...insteadOf('onStepFinish stepCallback callbacks', 'hooks: { afterModel: (event) => undefined }'),
  ...insteadOf('planning', 'plan: true'),
  ...insteadOf('store storage checkpointer saver', "tutti({ flows: [desk], store: sqlite('data/tutti.db') })"),
  ...insteadOf('messages chatHistory', 'app.run(desk, messages)'),
  ...insteadOf('deadline maxExecutionTime', "app.run(desk, question, { deadline: '5m' })"),
}
