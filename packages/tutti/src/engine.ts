/**
 * For those who put tutti on another engine (`tutti/engine`): an app hands its runs to a `HostedEngine`, which asks your `Host` to keep their logs and to call for
 * attempts at them.
 */
export type { EngineCheck, EngineMaker } from './configured.ts'
export { TuttiError } from './errors/index.ts'
export type { Entry, InboxMessage, JournalStore } from './journal/index.ts'
export { checkOptions, type Declared, type RunId } from './primitives/index.ts'
export {
  type EngineGround,
  type Group,
  groupText,
  type Host,
  HostedEngine,
  type HostedRun,
  type HostedRuns,
  parseGroup,
  type RunEngine,
  type SubmittedRun,
  type Told,
} from './run/index.ts'
