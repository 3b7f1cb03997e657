/** What a run waits for, as far as the store knows, whoever drives it. */
import type { JournalStore, OpenWait, RunHead } from '../journal/index.ts'
import { ownSignal, waitsIn } from '../run/index.ts'
import { type Home, isEnded, nextCommand, shellWord } from './home.ts'
import { inOneLine } from './paint.ts'

export type Waits = Pick<Awaited<ReturnType<typeof waitsIn>>, 'open' | 'over'>

/** The head of a run at rest lists its waits; those of a run that is driven, or whose process was killed, are in its journal. */
export async function waitsOf(store: JournalStore, head: RunHead): Promise<Waits> {
  const { open, over } = await waitsIn(store.read(head.run))
  if (isEnded(head)) return { open: [], over }
  return { open: (head.waiting ?? open).filter(({ signal }) => signal !== ownSignal.resolve), over }
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
  signal === ownSignal.approval
    ? `${nextCommand(home, 'approve', run)} --key ${shellWord(key)}`
    : signal === ownSignal.grant
      ? `${nextCommand(home, 'grant', run)} ${grantOptions[(data as { readonly limit?: string } | undefined)?.limit ?? ''] ?? '--usd'} AMOUNT`
      : `${nextCommand(home, 'signal', run)} ${shellWord(signal)} JSON --key ${shellWord(key)}`

export const queuedLine = ({ position, queued }: { readonly position: number; readonly queued: number }): string =>
  `Queued: ${position} of ${queued}. It begins when its flow has room, here or in any process that drives it.`
