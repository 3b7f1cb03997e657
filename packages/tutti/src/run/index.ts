export type { AttemptPlan, EffectContext, EffectSpec, Executed, MeteredFailure, RunCore, ScopeOptions, ServiceKey, Services, StreamPart } from './core.port.ts'
export type {
  AnyFlow,
  Approve,
  Awaitable,
  Flow,
  FlowBody,
  FlowOptions,
  InputOf,
  Leaf,
  MapOptions,
  OutputOf,
  Reconciled,
  Retry,
  Run,
  Settled,
  Signal,
  Step,
  StepContext,
  StepOptions,
  Tool,
  ToolBody,
  ToolContext,
  ToolSource,
} from './definition.port.ts'
export { EmbeddedEngine, type EmbeddedOptions, isGone } from './embedded/engine.ts'
export { EmbeddedHandle } from './embedded/handle.ts'
export type { Activation, Op, Outcome, RunResult, Sighting } from './engine.port.ts'
export { executeFlow, executeStep } from './execute.ts'
export { checkName, defineFlow, type FlowDefinition, flow, isFlow } from './flow.ts'
export type { DeepPartial, RunEvent, RunHandle, RunOutcome, StartOptions } from './handle.port.ts'
export type { Recorded } from './recorded.ts'
export { replayRun } from './replay.ts'
export { signal } from './signal.ts'
export { retryAfter } from './step.ts'
