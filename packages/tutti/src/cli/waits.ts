/** What a run waits for, as far as the store knows, whoever drives it. */
import type { Entry, InboxMessage, JournalStore, OpenWait, RunHead } from '../journal/index.ts'
import { ownSignal, waitsIn } from '../run/index.ts'
import { type Home, isEnded, nextCommand, shellWord } from './home.ts'
import { inOneLine } from './paint.ts'
import { RunPicture } from './picture.ts'

export type Waits = Pick<Awaited<ReturnType<typeof waitsIn>>, 'open' | 'over' | 'received'>

/** The head of a run at rest lists its waits; those of a run that is driven, or whose process was killed, are in its journal. */
export async function waitsOf(store: JournalStore, head: RunHead): Promise<Waits> {
  const { open, over, received } = await waitsIn(store.read(head.run))
  if (isEnded(head)) return { open: [], over, received }
  return { open: (head.waiting ?? open).filter((wait) => !isDoubt(wait)), over, received }
}

/** What somebody has to answer before it goes on: its waits, and the effects that are in doubt. */
export async function questionsOf(store: JournalStore, head: RunHead): Promise<readonly OpenWait[]> {
  if (isEnded(head)) return []
  if (head.waiting) return unanswered(store, head, head.waiting)
  const picture = new RunPicture()
  const { open } = await waitsIn(seenBy(picture, store.read(head.run)))
  return unanswered(store, head, [...open, ...doubtsIn(picture)])
}

/** The doubts last, and only those that nobody has settled yet: whoever drives the run next takes what was said of the others. */
async function unanswered(store: JournalStore, { run }: RunHead, questions: readonly OpenWait[]): Promise<readonly OpenWait[]> {
  const waits = questions.filter((wait) => !isDoubt(wait))
  const doubts = questions.filter(isDoubt)
  if (doubts.length === 0) return waits
  const inbox = await store.inbox(run)
  return [...waits, ...doubts.filter(({ key }) => !isSettled(inbox, key))]
}

/** Somebody has said what became of it, and no process has taken that yet. */
export const isSettled = (inbox: readonly InboxMessage[], key: string): boolean => inbox.some((message) => message.type === 'resolve' && message.key === key)

const isDoubt = ({ signal }: OpenWait): boolean => signal === ownSignal.resolve

/** A journal is read once, for both. */
async function* seenBy(picture: RunPicture, entries: AsyncIterable<Entry>): AsyncIterable<Entry> {
  for await (const entry of entries) {
    picture.take(entry)
    yield entry
  }
}

const doubtsIn = (picture: RunPicture): readonly OpenWait[] =>
  [...picture.all()].flatMap(({ state, key, remark }) => (state === 'doubted' ? [{ signal: ownSignal.resolve, key, data: { message: remark ?? '' } }] : []))

/** As it reads in a list: `waits for …`, `in doubt whether …`. */
export const sayQuestion = (wait: OpenWait): string => (isDoubt(wait) ? sayDoubt(wait) : `waits for ${sayWait(wait)}`)

function sayDoubt({ key, data }: OpenWait): string {
  const { message } = (data ?? {}) as { readonly message?: string }
  return `in doubt whether '${key}' happened${message ? `: ${inOneLine(message)}` : ''}`
}

/** `'tutti.approval' at 'desk/send' {"tool":"send_mail",…}`. */
export function sayWait({ signal, key, data }: OpenWait): string {
  return `'${signal}' at '${key}'${data === undefined ? '' : ` ${inOneLine(JSON.stringify(data))}`}`
}

/** The option of `tutti grant` that raises a limit. */
const grantOptions: Readonly<Record<string, string>> = {
  microUsd: '--usd',
  tokens: '--tokens',
  inputTokens: '--input-tokens',
  outputTokens: '--output-tokens',
  modelCalls: '--model-calls',
  toolCalls: '--tool-calls',
}

/** The command that answers a wait. */
export const answerCommand = (home: Home, run: string, { signal, key, data }: Pick<OpenWait, 'signal' | 'key' | 'data'>): string =>
  signal === ownSignal.resolve
    ? `${nextCommand(home, 'resolve', run)} ${shellWord(key)} --done (or --not-done)`
    : signal === ownSignal.approval
      ? `${nextCommand(home, 'approve', run)} --key ${shellWord(key)}`
      : signal === ownSignal.grant
        ? `${nextCommand(home, 'grant', run)} ${grantOptions[(data as { readonly limit?: string } | undefined)?.limit ?? ''] ?? '--usd'} AMOUNT`
        : `${nextCommand(home, 'signal', run)} ${shellWord(signal)} JSON --key ${shellWord(key)}`

export const queuedLine = ({ position, queued }: { readonly position: number; readonly queued: number }): string =>
  `Queued: ${position} of ${queued}. It begins when its flow has room, here or in any process that drives it.`
