export { checkCodes, RETRY_ELSEWHERE } from './check-retry.ts'
export { checkLabelsOf, checkLine, checkScopeOf } from './check-start.ts'
export { compareRuns } from './compared-runs.ts'
export type {
  AnyFlow,
  Approve,
  Flow,
  FlowOptions,
  FlowShape,
  InputOf,
  Leaf,
  MapOptions,
  Migration,
  OutputOf,
  QueueOptions,
  Retry,
  Run,
  RunRate,
  Settled,
  Signal,
  Step,
  StepOptions,
  Tool,
  ToolContext,
  ToolSource,
} from './definition.port.ts'
export { diffRuns } from './diff.ts'
export type { AttemptPlan, Awaitable, EffectContext, EffectSpec, Executed, MeteredFailure, Services, StepContext, StreamPart } from './effect.port.ts'
export { EmbeddedEngine, type EmbeddedOptions } from './embedded/engine.ts'
export { EmbeddedHandle } from './embedded/handle.ts'
export { waitsIn } from './embedded/open-waits.ts'
export { isGone, isHosted } from './embedded/owner.ts'
export { forkOf } from './embedded/seed.ts'
export { Seen } from './embedded/seen.ts'
export type { Standing } from './embedded/standings.ts'
export type { StrandedRun } from './embedded/stranded.ts'
export type { Sighting } from './engine.port.ts'
export { executeFlow } from './execute.ts'
export { explainRun } from './explained-run.ts'
export { checkFlow, checkName, defineFlow, FLOW_OPTIONS, flow, isFlow } from './flow.ts'
export { type Forecast, forecastFlow } from './forecast.ts'
export type { Reception, RunEvent, RunHandle, RunOutcome, StartOptions } from './handle.port.ts'
export { type Host, HostedEngine, type HostedRuns, type SubmittedRun } from './hosted/engine.ts'
export type { Group, Told } from './hosted/group.port.ts'
export { groupText, parseGroup } from './hosted/group-text.ts'
export type { HostedRun } from './hosted/hosted-run.ts'
export { instantsOf } from './instants.ts'
export { checkMapOptions } from './map.ts'
export { OpenTimers } from './open-timers.ts'
export { ownSignal } from './own-signal.ts'
export { readRun } from './read-run.ts'
export type { Recorded } from './recorded.ts'
export { agentsIn, recordedSteps } from './recorded-step.ts'
export { replayRun, replayToEnd } from './replay.ts'
export type { RunDiff, StepDiff } from './run-diff.port.ts'
export type { EngineGround, RunEngine } from './run-engine.port.ts'
export type { RunWhy, StepWhy } from './run-why.port.ts'
export { compileSchedule, type Schedule, type ScheduleOptions, type ScheduleSpec, schedule } from './schedule.ts'
export { declaredSignal, signal } from './signal.ts'
export { retryAfter } from './step.ts'
export { cancellation } from './undone.ts'
export { sayChange, type ValueChange } from './value-change.ts'
export { whyOf } from './why.ts'
