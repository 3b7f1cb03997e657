/** What is to be said of a run besides its steps: what was sent to it and came to nothing, what it is about to do, and what it should have done by now. */
import type { Entry, EntryOf, InboxMessage, RunHead } from '../journal/index.ts'
import { OpenTimers } from '../run/index.ts'
import { type Home, isEnded, nextCommand } from './home.ts'
import { inOneLine } from './paint.ts'
import type { RunPicture } from './picture.ts'
import { sayMs } from './quantity.ts'

/** What is due later than this was not gone on with. */
const LATE_MS = 15_000
const MOST_LINES = 5

/** One line each. @param inbox what was left for it and not taken yet */
export function notesOf(
  picture: RunPicture,
  head: RunHead,
  entries: readonly Entry[],
  inbox: readonly InboxMessage[],
  home: Home,
  now: number,
): readonly string[] {
  return [...cut(unusedSignals(picture, entries, inbox)), ...endings(head, entries, inbox), ...late(head, entries, home, now)]
}

const cut = (lines: readonly string[]): readonly string[] =>
  lines.length <= MOST_LINES ? lines : [...lines.slice(0, MOST_LINES), `and ${lines.length - MOST_LINES} more signals like that`]

/** Signals that no wait took: a wait that is open says itself what it refused. */
function unusedSignals(picture: RunPicture, entries: readonly Entry[], inbox: readonly InboxMessage[]): readonly string[] {
  const { ended } = picture
  // The tree shows the last one that a wait refused.
  const isShown = ({ key, id }: EntryOf<'signal.refused'>): boolean => picture.step(key)?.remark?.includes(`'${id}' was refused`) === true
  const used = new Set(entries.flatMap((entry) => (entry.type === 'signal.received' && entry.key !== undefined ? [entry.id] : [])))
  const says = ({ signal, id }: { readonly signal: string; readonly id: string }, what: string): string =>
    `signal '${inOneLine(signal)}' (${inOneLine(id)}) ${what}`
  return [
    ...entries.flatMap((entry) => {
      if (entry.type === 'signal.refused') return isShown(entry) ? [] : [says(entry, `was refused at '${entry.key}': ${inOneLine(entry.error.message)}`)]
      const isLeft = ended && entry.type === 'signal.received' && entry.key === undefined && !used.has(entry.id)
      return isLeft ? [says(entry, 'was taken by no wait')] : []
    }),
    ...(ended ? inbox.flatMap((message) => (message.type === 'signal' ? [says(message, 'came too late')] : [])) : []),
  ]
}

function endings(head: RunHead, entries: readonly Entry[], inbox: readonly InboxMessage[]): readonly string[] {
  if (isEnded(head)) return []
  const taken = entries.findLast((entry) => entry.type === 'run.cancelling')
  if (taken?.type === 'run.cancelling') return [`is being cancelled: ${inOneLine(taken.reason)}`]
  return inbox.flatMap((message) => {
    if (message.type === 'resolve')
      return [
        `'${inOneLine(message.key)}' ${message.verdict === 'done' ? 'happened' : 'did not happen'}, as somebody has said (whoever drives it next finds this first)`,
      ]
    if (message.type !== 'cancel' && message.type !== 'pause') return []
    const what = message.type === 'cancel' ? 'is to be cancelled' : 'is to be paused'
    return [`${what}: ${inOneLine(message.reason)} (whoever drives it next finds this first)`]
  })
}

/** A timer that nobody was there for, of a run that waits for nothing else to be said. */
function late(head: RunHead, entries: readonly Entry[], home: Home, now: number): readonly string[] {
  if (isEnded(head) || head.status === 'suspended') return []
  const timers = new OpenTimers()
  for (const entry of entries) timers.take(entry)
  const due = timers.earliest
  if (!(due < now - LATE_MS)) return []
  return [`was due ${sayMs(now - due)} ago, and nobody has gone on with it: \`${nextCommand(home, 'resume', head.run)}\` does, or says why not`]
}
