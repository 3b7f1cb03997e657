/** tutti: the vocabulary. Rooms with more to say are subpaths: `tutti/model`, `tutti/retrieval`, `tutti/journal`, `tutti/testing`. */
export { type AgentFileOptions, type AgentHook, type AgentHooks, agent, agentFrom, agentsFrom, type HookEvent, type HookVerdict, steer } from './agent/index.ts'
export type { AppOptions, Exporter, ForkOptions, RegressOptions, Store } from './app-options.ts'
export type { Budget, StandingBudget, Usage } from './budget/index.ts'
export type { Engine } from './configured.ts'
export { type ErrorCode, notDone, TuttiError } from './errors/index.ts'
export type { RegressedRun, RegressGate, RegressProgress, RegressReport, RegressVerdict } from './eval/index.ts'
export { byMeaning, byModel, byRule, chain, type GraphBuilder, graph, loop, map, mermaid, type Node, parallel, type Router, route } from './flow/index.ts'
export type { Effect, EncryptionOptions, Erased, EraseOptions, Pruned, PruneOptions } from './journal/index.ts'
export { type Memory, memory } from './memory/index.ts'
export type { MessageLike, Prompt } from './message/index.ts'
export { breaker, cache, cascade, hedge, limit, type Model, type ModelId, type ModelLike, type ModelRetry, retry, timeout } from './model/index.ts'
export {
  evaluate,
  type Guardrail,
  grounded,
  guardrail,
  noPromptInjection,
  type RailPlaces,
  redactPii,
  type Scorer,
  scorer,
  uiStream,
  type Verdict,
} from './not-yet.ts'
export type { Duration, InOf, Json, ModelSchema, OutOf, RunId, Schema, Scope } from './primitives/index.ts'
export type { RetentionRule } from './retention.ts'
export { type Citation, type Cited, cited, type Index, index, type Passage } from './retrieval/index.ts'
export {
  type AnyFlow,
  type Awaitable,
  type Flow,
  type FlowOptions,
  flow,
  type InputOf,
  type Leaf,
  type MapOptions,
  type Migration,
  type OutputOf,
  type QueueOptions,
  type Reception,
  type Recorded,
  type Retry,
  type Run,
  type RunDiff,
  type RunEvent,
  type RunHandle,
  type RunOutcome,
  type RunRate,
  type RunWhy,
  type Schedule,
  type ScheduleOptions,
  type Settled,
  type Signal,
  type StartOptions,
  type Step,
  type StepContext,
  type StepDiff,
  type StepOptions,
  type StepWhy,
  type StrandedRun,
  schedule,
  signal,
  type Tool,
  type ToolContext,
  type ToolSource,
  type ValueChange,
} from './run/index.ts'
export type { Spending, SpendingFilter, SpentAmounts } from './spending.ts'
export { type ChatTurn, type Member, type TeamStyle, team } from './team/index.ts'
export {
  type ApprovalAnswer,
  type AuthKeep,
  adopt,
  type CodeLimits,
  type CodeToolOptions,
  codeTool,
  type ForeignTool,
  type McpAuth,
  type McpCommand,
  type McpConsent,
  type McpCredentials,
  type McpOptions,
  type McpServer,
  type McpSource,
  type McpUrl,
  mcp,
  type OpenapiOptions,
  openapi,
  type QuestionAnswer,
  type Sandbox,
  sandbox,
  tool,
  toolApproval,
  toolQuestion,
} from './tool/index.ts'
export { type App, inMemory, sqlite, tutti } from './tutti.ts'
