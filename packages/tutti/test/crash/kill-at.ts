/**
 * Loaded before a process and each of its threads (`NODE_OPTIONS=--import`): ends the process at a failpoint, or writes down every one that is passed.
 * `CRASH_AT` is a `KillAt` as JSON, `CRASH_TRACE` the path of a file.
 */
import { type KillAt, killAt, traceFailpoints } from '../../src/testing/kill-at.ts'

const { CRASH_AT, CRASH_TRACE } = process.env
if (CRASH_AT) killAt(JSON.parse(CRASH_AT) as KillAt)
if (CRASH_TRACE) traceFailpoints(CRASH_TRACE)
