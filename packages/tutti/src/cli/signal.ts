import { TuttiError } from '../errors/index.ts'
import { isMade, type JournalStore, messageId, type OpenWait, type RunHead } from '../journal/index.ts'
import { encode, type Json, sayKnown } from '../primitives/index.ts'
import { ownSignal, type RunEngine } from '../run/index.ts'
import { exitCode } from './exit-code.ts'
import { findRun, type Home, homeOf, isEnded, nextCommand, openRuns, standingOf } from './home.ts'
import type { CommonOptions } from './options.ts'
import { engineReaching } from './run-reach.ts'
import { saySuspension, suspensionOf } from './suspension.ts'
import { printJson, printLine, type Terminal } from './terminal.ts'
import { sayWait, type Waits, waitsOf } from './waits.ts'

export interface SignalOptions extends CommonOptions {
  /** The wait it is for, and no other. */
  readonly key?: string | undefined
  /** Makes it idempotent. */
  readonly id?: string | undefined
}

/** A signal as it is left for a run. */
export interface Letter {
  readonly id: string
  readonly signal: string
  readonly key: string | undefined
  readonly value: Json
}

type Answer = 'delivered' | 'early' | 'duplicate'

/** `tutti signal RUN NAME JSON`: what a run waits for, or will. */
export async function signal(terminal: Terminal, reference: string, name: string, text: string, o: SignalOptions): Promise<number> {
  const value = jsonOf(text, 'the value')
  checkOwn(name, value)
  return leave(terminal, reference, o, () => ({ id: messageId(o.id), signal: name, key: o.key, value }))
}

/** Signals of tutti's own: one that is none of them, or a word that is no text, is a slip. @throws CONFIG_USAGE */
function checkOwn(name: string, value: Json): void {
  if (name.startsWith('tutti.') && !SENT.includes(name))
    throw new TuttiError('CONFIG_USAGE', `tutti has no signal '${name}'`, {
      hint: `${sayKnown([name], SENT)} Signals of a flow have names of their own.`,
    })
  if (name === ownSignal.steer && (typeof value !== 'string' || value.trim() === ''))
    throw new TuttiError('CONFIG_USAGE', `what is said to an agent is a text, and this is ${JSON.stringify(value)}`, {
      hint: `For example: npx tutti signal RUN ${ownSignal.steer} '"Only orders of this year, please."'`,
    })
}

/** Those that are answered with a value; there are commands for the others. */
const SENT: readonly string[] = [ownSignal.steer, ownSignal.approval, ownSignal.question]

/**
 * Leaves a signal where whoever drives the run finds it, and says what becomes of it. Drives nothing.
 * @throws RUN_NOT_FOUND | RUN_FINISHED | CONFIG_USAGE when the wait it is for is over
 */
export async function leave(terminal: Terminal, reference: string, o: CommonOptions, write: (waits: Waits, head: RunHead) => Letter): Promise<number> {
  const home = homeOf(terminal, o)
  const store = openRuns(home)
  let engine: RunEngine | undefined
  try {
    const head = await findRun(store, reference, home)
    const waits = await waitsOf(store, head)
    if (isEnded(head)) throw finished(head)
    engine = engineReaching(head, store, terminal)
    const letter = write(waits, head)
    const answer = await post(engine, head, letter, waits)
    const suspension = await suspensionOf(store, head)
    const { id, signal: name } = letter
    if (o.json) printJson(terminal.out, { run: head.run, signal: name, id, answer, suspended: suspension?.why, waiting: waits.open })
    else for (const line of says(home, head, letter, answer, waits.open, suspension && saySuspension(suspension))) printLine(terminal.out, line)
    return exitCode.done
  } finally {
    await engine?.close({ graceMs: 0 })
    await store.close()
  }
}

async function post(engine: RunEngine, { run }: RunHead, { id, signal: name, key, value }: Letter, waits: Waits): Promise<Answer> {
  const isTooLate = key !== undefined && waits.over.has(key) && !(await wasSent(engine.store, run, id))
  if (isTooLate) throw late(run, key, waits)
  const message = { id, type: 'signal', signal: name, value: encode(value), ...(key === undefined ? {} : { key }) } as const
  if ((await engine.post(run, message)) === 'duplicate') return 'duplicate'
  return waits.open.some((wait) => (key === undefined ? wait.signal === name : wait.key === key)) ? 'delivered' : 'early'
}

/** Sent again, it is a duplicate and not too late. */
async function wasSent(store: JournalStore, run: RunHead['run'], id: string): Promise<boolean> {
  for await (const entry of store.read(run)) if (entry.type === 'signal.received' && entry.id === id) return true
  return false
}

const finished = ({ run, status }: RunHead): TuttiError =>
  new TuttiError('RUN_FINISHED', `${run} has ${status === 'cancelled' ? 'been cancelled' : status} and takes no signal`, { data: { run, status } })

function late(run: string, key: string, { open, over }: Waits): TuttiError {
  const by = over.get(key)
  const how = by === undefined ? 'its time ran out' : `'${by}' answered it`
  return new TuttiError('CONFIG_USAGE', `too late: ${run} waits no longer at '${key}', ${how}`, { hint: sayOpen(open), data: { run, key, by: by ?? null } })
}

export const sayOpen = (open: readonly OpenWait[]): string =>
  open.length === 0 ? 'It waits for no signal now.' : `It waits for ${open.map(sayWait).join('; ')}`

function says(home: Home, head: RunHead, { id, signal: name, key }: Letter, answer: Answer, open: readonly OpenWait[], stands: string | undefined): string[] {
  const { run } = head
  if (answer === 'duplicate') return [`Duplicate: ${run} was sent '${id}' before; nothing is delivered twice.`]
  const still = stands === undefined ? [] : [`It stands still (${stands}) and has it once it goes on: ${nextCommand(home, 'resume', run)}`]
  const next =
    standingOf(head) === 'running'
      ? `${head.owner} drives it and goes on.`
      : `Whichever app opens this store goes on with it, or: ${nextCommand(home, 'resume', run)}`
  if (answer === 'delivered') {
    const checked = `The value is checked when the run takes it; one that does not fit is refused, and \`${nextCommand(home, 'show', run)}\` says why.`
    return [
      `Left for ${run}: '${name}'${isMade(id) ? '' : `, as '${id}'`}.${stands === undefined ? ` ${next}` : ''}`,
      ...still,
      ...(name.startsWith('tutti.') ? [] : [checked]),
    ]
  }
  if (name === ownSignal.steer) return [`Sent: the agent at work in ${run} is told at its next turn.`, ...still]
  const place = key === undefined ? `for '${name}'` : `at '${key}'`
  return [`Early: ${run} does not wait ${place} yet; ${isMade(id) ? 'it' : `'${id}'`} is kept for when it does.`, sayOpen(open), ...still]
}

/** @throws CONFIG_USAGE */
export function jsonOf(text: string, what: string, hint = `Write text as '"text"'.`): Json {
  try {
    return JSON.parse(text) as Json
  } catch (cause) {
    throw new TuttiError('CONFIG_USAGE', `${what} is not JSON: ${(cause as Error).message}`, { cause, hint })
  }
}
