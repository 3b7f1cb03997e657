/** `tutti/testing`: models from a script, time that passes when you say so, an app in memory. */

export { type Failpoint, failpoints } from '../primitives/index.ts'
export { type Cassette, type CassetteOptions, cassette } from './cassette.ts'
export { type Calls, type Faults, type FaultyModel, faulty } from './faulty.ts'
export { type Scripted, type ScriptedAsk, type ScriptedModel, type ScriptedTurn, scripted } from './scripted.ts'
export { type SimulatedClock, simulatedClock } from './simulated-clock.ts'
export { type TestApp, type TestCall, type TestOptions, testing } from './testing.ts'
