/** `tutti/testing`: models from a script, time that passes when you say so, an app in memory. */

export { cassette } from '../not-yet.ts'
export { type Failpoint, failpoints } from '../primitives/index.ts'
export { type Scripted, type ScriptedAsk, type ScriptedModel, scripted } from './scripted.ts'
export { type SimulatedClock, simulatedClock } from './simulated-clock.ts'
export { type TestApp, type TestCall, type TestOptions, testing } from './testing.ts'
