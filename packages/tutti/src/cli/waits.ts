/** What a run waits for, as far as the store knows, whoever drives it. */
import type { JournalStore, OpenWait, RunHead } from '../journal/index.ts'
import { type Home, isEnded, nextCommand, shellWord } from './home.ts'
import { inOneLine } from './paint.ts'

/** The signal that a tool call waits for until a person has approved it. */
export const APPROVAL = 'tutti.approval'

export interface Waits {
  readonly open: readonly OpenWait[]
  /** By the key of a wait that is over: the message that answered it; absent when its time ran out. */
  readonly over: ReadonlyMap<string, string | undefined>
}

/** The head of a run at rest lists its waits; those of a run that is driven, or whose process was killed, are in its journal. */
export async function waitsOf(store: JournalStore, head: RunHead): Promise<Waits> {
  const open = new Map<string, OpenWait>()
  const over = new Map<string, string | undefined>()
  for await (const entry of store.read(head.run)) {
    if (entry.type === 'signal.awaited') {
      const { signal, key, until, data } = entry
      open.set(key, { signal, key, until, data })
      continue
    }
    const id = entry.type === 'signal.received' ? entry.id : undefined
    if ((entry.type !== 'signal.received' && entry.type !== 'timer.fired') || entry.key === undefined || !open.delete(entry.key)) continue
    over.set(entry.key, id)
  }
  if (isEnded(head)) return { open: [], over }
  return { open: (head.waiting ?? [...open.values()]).filter(({ signal }) => signal !== 'tutti.resolve'), over }
}

/** `'tutti.approval' at 'desk/send' {"tool":"send_mail",…}`. */
export function sayWait({ signal, key, data }: OpenWait): string {
  return `'${signal}' at '${key}'${data === undefined ? '' : ` ${inOneLine(JSON.stringify(data))}`}`
}

/** The command that answers a wait. */
export const answerCommand = (home: Home, run: string, signal: string, key: string): string =>
  signal === APPROVAL
    ? `${nextCommand(home, 'approve', run)} --key ${shellWord(key)}`
    : `${nextCommand(home, 'signal', run)} ${shellWord(signal)} JSON --key ${shellWord(key)}`

export const queuedLine = ({ position, queued }: { readonly position: number; readonly queued: number }): string =>
  `Queued: ${position} of ${queued}. It begins when its flow has room, here or in any process that drives it.`
