import type { OpenWait } from '../journal/index.ts'
import { ownSignal } from '../run/index.ts'
import { type ApproveOptions, approve } from './approve.ts'
import type { CommonOptions } from './options.ts'
import { inOneLine } from './paint.ts'
import type { Terminal } from './terminal.ts'

type Verdict = Pick<ApproveOptions, 'deny' | 'why' | 'edit' | 'always'>

/** Asks whoever sits at the terminal about the first tool call that a run rests on. Whether it was answered. */
export async function approveHere(
  terminal: Terminal,
  run: string,
  waits: readonly Pick<OpenWait, 'signal' | 'key' | 'data'>[],
  o: CommonOptions,
): Promise<boolean> {
  const call = waits.find(({ signal }) => signal === ownSignal.approval)
  if (!call || !terminal.ask || o.json) return false
  const verdict = await verdictOn(terminal.ask, inOneLine(JSON.stringify(call.data ?? call.key)))
  if (!verdict) return false
  // What becomes of it is seen at once, so it need not be said.
  const { home, verbose } = o
  await approve({ ...terminal, out: { write: () => {} } }, run, { home, verbose, key: call.key, ...verdict })
  return true
}

/** Nothing is said for: not now. */
async function verdictOn(ask: NonNullable<Terminal['ask']>, call: string): Promise<Verdict | undefined> {
  const answer = await ask(`Approve ${call}? y(es), a(lways in this run), n(o), e(dit its arguments); enter leaves it waiting: `)
  switch (answer?.trim().toLowerCase()[0]) {
    case 'y':
      return {}
    case 'a':
      return { always: true }
    case 'n': {
      const why = await ask('Why not? The model is told: ')
      return { deny: true, ...(why?.trim() ? { why: why.trim() } : {}) }
    }
    case 'e': {
      const edit = await ask('The arguments as JSON: ')
      return edit?.trim() ? { edit } : undefined
    }
    default:
      return undefined
  }
}
